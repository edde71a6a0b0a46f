// What both Workers share: JSON in, JSON out, and answers that say what was wrong with a request.

/** The most that a request may bring, in characters: 784 numbers at full length are 16,000. */
const MOST_CHARACTERS = 64_000;

/** What is wrong with a request, and the status of the answer that says so. */
export class RequestError extends Error {
  /**
   * @param {number} status
   * @param {string} message
   * @param {Record<string, string>} [headers]
   */
  constructor(status, message, headers = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** @param {Request} request @param {string} method */
export function expectMethod(request, method) {
  if (request.method !== method) {
    throw new RequestError(405, `expected ${method}, got ${request.method}`, { Allow: method });
  }
}

/**
 * The object that a request brings.
 *
 * @param {Request} request
 * @returns {Promise<Record<string, unknown>>}
 */
export async function readObject(request) {
  if (Number(request.headers.get('Content-Length')) > MOST_CHARACTERS) throw tooLarge();
  const text = await request.text();
  if (text.length > MOST_CHARACTERS) throw tooLarge();
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw new RequestError(400, 'expected a JSON object, got text that is no JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new RequestError(400, 'expected a JSON object');
  }
  return value;
}

const tooLarge = () => new RequestError(413, `expected ${MOST_CHARACTERS} characters at most`);

/**
 * Numbers for one row of inputs.
 *
 * @param {string} name what the request calls them
 * @param {unknown} value
 * @param {number} length
 * @param {number} low the smallest that each may be
 * @param {number} high the largest
 */
export function expectNumbers(name, value, length, low, high) {
  if (!Array.isArray(value) || value.length !== length) {
    const got = Array.isArray(value) ? `${value.length}` : typeof value;
    throw new RequestError(400, `expected ${name} to be ${length} numbers, got ${got}`);
  }
  const wrong = value.findIndex((number) => !(typeof number === 'number' && number >= low && number <= high));
  if (wrong >= 0) {
    throw new RequestError(
      400,
      `expected ${name}[${wrong}] to be a number from ${low} to ${high}, got ${JSON.stringify(value[wrong])}`,
    );
  }
  return Float32Array.from(/** @type {number[]} */ (value));
}

/**
 * Answers with what `work` returns, or with what was wrong.
 *
 * @param {() => Promise<unknown>} work
 */
export async function answer(work) {
  try {
    return Response.json(await work());
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    return Response.json({ error: error.message }, { status: error.status, headers: error.headers });
  }
}

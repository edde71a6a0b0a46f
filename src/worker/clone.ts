type Path = readonly [name: string, value: unknown];

/**
 * structuredClone(), with an error that says which part of the value cannot be sent.
 *
 * @param name of the value, as the caller knows it
 * @throws TypeError, with nothing transferred
 */
export function clone<T>(name: string, value: T, transfer: readonly ArrayBuffer[] = []): T {
  try {
    return structuredClone(value, { transfer: [...transfer] });
  } catch (cause) {
    const [path, part] = culprit([name, value], new Set());
    const { message } = cause as Error;
    // Otherwise it is the transfer that failed.
    const kind = clones(part) ? '' : ` ${kindOf(part)},`;
    const what = `${path}${kind && ','}${kind} cannot go to a worker`;
    throw new TypeError(
      `trainInWorker: ${what} (${message}); make it there: see setup in the documentation of trainInWorker()`,
      { cause },
    );
  }
}

/** The innermost part that cannot be cloned. */
function culprit([path, value]: Path, seen: Set<unknown>): Path {
  if (typeof value !== 'object' || value === null) return [path, value];
  seen.add(value);
  for (const part of partsOf(path, value))
    if (!seen.has(part[1]) && !clones(part[1])) return culprit(part, seen);
  return [path, value];
}

function partsOf(path: string, value: object): Path[] {
  try {
    if (Array.isArray(value)) return value.map((one: unknown, i) => [`${path}[${i}]`, one]);
    if (value instanceof Map) return [...value].map(([key, one]) => [`${path}.get(${String(key)})`, one]);
    return Object.entries(value).map(([key, one]) => [`${path}.${key}`, one]);
  } catch {
    // A getter, or a proxy.
    return [];
  }
}

function clones(value: unknown): boolean {
  try {
    structuredClone(value);
    return true;
  } catch {
    return false;
  }
}

function kindOf(value: unknown): string {
  return typeof value === 'object' ? 'an object that cannot be copied' : `a ${typeof value}`;
}

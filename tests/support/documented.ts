/** What a comment behind an expression says its value is, within float32's precision. */
export function documented(actual: unknown, expected: unknown, where: string): void {
  if (!close(actual, expected)) {
    throw new Error(
      `${where}: the text says ${JSON.stringify(expected)}, the code gives ${JSON.stringify(actual)}`,
    );
  }
}

function close(actual: unknown, expected: unknown): boolean {
  if (typeof actual === 'number' && typeof expected === 'number') {
    return Math.abs(actual - expected) <= 2e-6 * Math.max(1, Math.abs(expected));
  }
  if (Array.isArray(actual) && Array.isArray(expected)) {
    return actual.length === expected.length && actual.every((item, i) => close(item, expected[i]));
  }
  return actual === expected;
}

import { show } from './shown.js';

/** Throws a TypeError unless metadata are texts by name. */
export function checkMetadata(
  operation: string,
  metadata: unknown,
): asserts metadata is Readonly<Record<string, string>> {
  if (typeof metadata !== 'object' || metadata === null || Symbol.iterator in metadata) {
    throw new TypeError(`${operation}: expected metadata as an object of texts, got ${show(metadata)}`);
  }
  for (const [name, text] of Object.entries(metadata)) {
    if (typeof text !== 'string') {
      throw new TypeError(`${operation}: expected metadata ${name} to be a string, got ${typeof text}`);
    }
  }
}

import { isPlain } from '../core/options.js';

/** What was found: its path, and the object of another class that holds it, where it is in none of the owner's own. */
export type Found = readonly [path: string, value: object, holder?: object];

/**
 * What is wanted of the fields of an object, also inside arrays, plain objects, Maps and Sets. Objects of other classes are
 * looked into last, and not those inside them. Getters are not called.
 */
export function findInFields(owner: object, isWanted: (value: object) => boolean): Found[] {
  const found: Found[] = [];
  // What contains itself is looked into once.
  const seen = new Set<object>();
  const strange: [string, object][] = [];

  const look = (path: string, value: unknown, holder?: object): void => {
    if (typeof value !== 'object' || value === null) return;
    if (isWanted(value)) {
      found.push([path, value, holder]);
      return;
    }
    if (seen.has(value) || ArrayBuffer.isView(value)) return;
    seen.add(value);
    if (value instanceof Map) {
      for (const [key, item] of value) {
        // What is a key has no name of its own.
        look(`${path}.key`, key, holder ?? value);
        look(`${path}.${String(key)}`, item, holder);
      }
    } else if (Array.isArray(value) || value instanceof Set) {
      let i = 0;
      for (const item of value) look(`${path}.${i++}`, item, holder);
    } else {
      if (isPlain(value)) lookInto(value, `${path}.`, holder);
      else if (!holder) strange.push([`${path}.`, value]);
    }
  };
  const lookInto = (object: object, prefix: string, holder?: object): void => {
    for (const key of Reflect.ownKeys(object)) {
      look(prefix + String(key), Object.getOwnPropertyDescriptor(object, key)?.value, holder);
    }
  };
  lookInto(owner, '');
  for (const [prefix, object] of strange) lookInto(object, prefix, object);
  return found;
}

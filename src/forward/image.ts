import type { StoredModel, StoredTensor } from '../io/storedModel.js';
import type { Compiled } from './compile.js';

/** The names of what a model keeps in 8 bits. */
export function eightBit(state: StoredModel['state']): Set<string> {
  return new Set(
    [...state].filter(([, { values, scale }]) => values instanceof Int8Array && scale).map(([name]) => name),
  );
}

/** The whole image of a model that was checked. */
export function imageOf(compiled: Compiled, state: StoredModel['state']): Uint8Array<ArrayBuffer> {
  const image = new Uint8Array(compiled.size);
  compiled.writeProgram(image);
  const tensor = (name: string): StoredTensor => state.get(name)!;
  for (const { at, values } of compiled.constants) {
    const numbers = values(tensor);
    image.set(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength), at);
  }
  return image;
}

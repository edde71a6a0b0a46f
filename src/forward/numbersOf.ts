import type { StoredTensor } from '../io/storedModel.js';

/** The float32 numbers of a tensor, whatever it is kept in. */
export function numbersOf({ shape, values, scale }: StoredTensor): Float32Array {
  if (!scale) return values instanceof Float32Array ? values : Float32Array.from(values);
  const width = values.length / shape[0];
  return Float32Array.from(values, (value, i) => value * scale[Math.floor(i / width)]);
}

import type { BatchSource } from '../data/batches.js';
import { DataLoader } from '../data/dataLoader.js';
import { ResidentBatches } from '../data/residentBatches.js';
import type { Stream, StreamItem } from '../data/stream.js';

/** What fit() and evaluate() take as data: an async iterable gives batches [inputs, targets]. */
export type TrainingData = DataLoader | Stream | AsyncIterable<StreamItem>;

/**
 * The batches of what is given as data.
 *
 * @param expected how the error begins
 */
export async function batchesOf(data: TrainingData, expected: string): Promise<BatchSource> {
  if (data instanceof DataLoader) return new ResidentBatches(data);
  // Loaded where it is needed: most data fit in memory.
  const batches = (await import('../data/stream.js')).batchesOfStream(data);
  if (batches) return batches;
  throw new TypeError(
    `${expected} to be a data.DataLoader, a data.Stream or an async iterable of batches, got ${kindOf(data)}`,
  );
}

function kindOf(value: unknown): string {
  if (value === null || typeof value !== 'object') return String(value);
  return (value.constructor as { name?: string } | undefined)?.name ?? 'an object';
}

/**
 * Why an epoch of this data cannot be begun in the middle, if so.
 *
 * @param what it is called
 */
export function wholeOnly(data: TrainingData, what: string): string | undefined {
  if (!(data instanceof DataLoader))
    return `${what} is a stream, which can only be gone through from its beginning`;
  return data.repeatable ? undefined : `the sampler of ${what} has no getState() to repeat an order by`;
}

/** Runs `work` over an epoch and ends it, whatever happens; an error of `work` goes before one of ending. */
export async function overEpoch<T>(
  source: BatchSource,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
  begin = (): void => source.begin(signal),
): Promise<T> {
  begin();
  let result: T;
  try {
    result = await work();
  } catch (error) {
    await Promise.resolve(source.end()).catch(() => undefined);
    throw error;
  }
  await source.end();
  return result;
}

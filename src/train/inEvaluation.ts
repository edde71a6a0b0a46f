import type { Batch, BatchSource } from '../data/batches.js';
import { toEvaluation, type Module } from '../nn/module.js';
import { overEpoch } from './batchesOf.js';
import type { Pause } from './pause.js';

/**
 * Goes over the batches of an epoch with a model in evaluation mode. While it waits, the model is in its own modes: fit(),
 * predict() or another evaluation may use it.
 */
export async function inEvaluation(
  model: Module,
  source: BatchSource,
  pause: Pause,
  signal: AbortSignal | undefined,
  work: (batch: Batch) => void,
): Promise<void> {
  await overEpoch(source, signal, async () => {
    let resume = toEvaluation(model);
    try {
      for (;;) {
        let batch = source.next();
        if (batch instanceof Promise) {
          resume();
          batch = await batch;
          resume = toEvaluation(model);
        }
        if (!batch) break;
        signal?.throwIfAborted();
        work(batch);
        if (pause.isDue()) {
          resume();
          await pause.turn();
          resume = toEvaluation(model);
        }
      }
    } finally {
      resume();
    }
  });
}

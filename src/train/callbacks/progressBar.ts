import type { ProgressModule } from '../progress.js';
import type { Callback } from './callback.js';

/** The progress that this host can show, as a callback; undefined where nobody watches. */
export async function progressBar(): Promise<Callback | undefined> {
  const { createProgress } = (await import('#progress')) as ProgressModule;
  const progress = createProgress();
  if (!progress) return undefined;
  let began = 0;
  return {
    onTrainBegin: ({ epochs, batches }) => progress.start(epochs, batches),
    onEpochBegin() {
      began = performance.now();
    },
    onBatchEnd({ epoch, batch, meanLoss, rows }) {
      progress.update(epoch, batch, meanLoss, (rows / (performance.now() - began)) * 1000);
    },
    onTrainEnd: () => progress.stop(),
  };
}

import cliProgress from 'cli-progress';
import type { Progress } from './progress.js';

/** A bar on standard error where it is a terminal. */
export function createProgress(): Progress | undefined {
  if (!process.stderr.isTTY) return undefined;
  const bar = new cliProgress.SingleBar({
    format: 'epoch {epoch}/{epochs} {bar} {percentage}% | loss {loss} | {rate} rows/s | {eta_formatted} left',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    stream: process.stderr,
    etaBuffer: 200,
  });
  // The bar counts batches, or epochs where nobody knows how many batches there will be.
  let batches: number | undefined;
  return {
    start(epochs, perEpoch) {
      batches = perEpoch;
      bar.start(epochs * (perEpoch ?? 1), 0, { epoch: 1, epochs, loss: '–', rate: '–' });
    },
    update(epoch, batch, loss, rowsPerSecond) {
      bar.update(batches === undefined ? epoch - 1 : (epoch - 1) * batches + batch, {
        epoch,
        loss: loss.toFixed(4),
        rate: Math.round(rowsPerSecond),
      });
    },
    stop() {
      bar.stop();
    },
  };
}

import cliProgress from 'cli-progress';
import type { Progress } from './progress.js';

/** Steps of the bar: finer than any terminal is wide. */
const STEPS = 10_000;

/** A bar on standard error where it is a terminal. */
export function createProgress(): Progress | undefined {
  if (!process.stderr.isTTY) return undefined;
  const bar = new cliProgress.SingleBar({
    format: 'epoch {epoch}/{epochs} {bar} {percentage}% | loss {loss} | {rate}{eta_formatted} left',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    stream: process.stderr,
    etaBuffer: 200,
  });
  return {
    start(epochs) {
      bar.start(STEPS, 0, { epoch: 1, epochs, loss: '–', rate: '' });
    },
    update({ epoch, share, loss, rowsPerSecond }) {
      bar.update(STEPS * share, {
        epoch,
        loss: Number.isNaN(loss) ? '–' : loss.toFixed(4),
        rate: rowsPerSecond === undefined ? '' : `${Math.round(rowsPerSecond)} rows/s | `,
      });
    },
    stop() {
      bar.stop();
    },
  };
}

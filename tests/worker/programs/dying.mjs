import { callbacks } from '../../../dist/node/index.js';
import setup from './setup.mjs';

/** Ends the thread in the middle of the first epoch. */
export default function dying(input) {
  void callbacks;
  return { ...setup(input), callbacks: [{ onBatchEnd: () => process.exit(3) }] };
}

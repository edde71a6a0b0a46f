// A worker of the user's own that trains, and says and hears other things all the while.
import { parentPort, workerData } from 'node:worker_threads';
import { serveTraining } from '../../../dist/node/worker.js';
import setup from './setup.mjs';

const { messages, when } = workerData;
const talk = () => messages.forEach((message) => parentPort.postMessage(message));
if (when === 'before') talk();
serveTraining((input) => {
  if (when === 'setup') talk();
  const onBatchEnd = () => (when === 'batch' ? talk() : undefined);
  const onTrainEnd = () => (when === 'end' ? talk() : undefined);
  return { ...setup(input), callbacks: [{ onBatchEnd, onTrainEnd }] };
});
if (when === 'after') talk();

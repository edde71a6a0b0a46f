import { parentPort } from 'node:worker_threads';
import { work } from './workerCore.js';

const port = /** @type {import('node:worker_threads').MessagePort} */ (parentPort);
port.once('message', (duty) => work(duty, (message) => port.postMessage(message)));

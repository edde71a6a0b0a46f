import { work } from './workerCore.js';

addEventListener('message', ({ data }) => work(data, (message) => postMessage(message)), { once: true });

import { serveTraining } from '../../../dist/node/worker.js';
import setup from './setup.mjs';

serveTraining(setup);

import { serveTraining } from '../../../dist/node/worker.js';
import stuck from './stuck.mjs';

serveTraining(stuck);

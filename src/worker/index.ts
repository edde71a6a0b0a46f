export type { WorkerData } from './data.js';
export type { WorkerFitOptions } from './job.js';
export type { Weights } from './protocol.js';
export type { RunOptions, TrainingEvent, TrainingRun } from './run.js';
export type { WorkerSetup, WorkerTraining } from './serve.js';
export {
  serveTraining,
  trainInWorker,
  type OwnWorker,
  type SetupOptions,
  type TrainInWorkerOptions,
} from './trainInWorker.js';

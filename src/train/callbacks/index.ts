export { CSVLogger, type CSVLoggerOptions } from './csvLogger.js';
export { EarlyStopping, type EarlyStoppingOptions, type EarlyStoppingState } from './earlyStopping.js';
export { LayerMonitor, type LayerMonitorOptions } from './layerMonitor.js';
export { LRLogger, type LREntry, type LRLoggerOptions } from './lrLogger.js';
export { ModelCheckpoint, type Checkpoint, type ModelCheckpointOptions } from './modelCheckpoint.js';
export type { MonitorOptions, MonitorState } from './monitor.js';
export type { ProgressReport } from '../progress.js';
export { ProgressBar, type ProgressBarOptions } from './progressBar.js';

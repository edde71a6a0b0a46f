export { Accuracy, TopK, type AccuracyOptions, type TopKOptions } from './accuracy.js';
export {
  ConfusionMatrix,
  F1,
  Precision,
  Recall,
  type Average,
  type ClassMetricOptions,
  type ConfusionOptions,
} from './confusion.js';
export { LogLoss } from './logLoss.js';
export { Metric, type MetricBatch, type MetricOptions, type MetricValue } from './metric.js';
export { MAE, MAPE, MSE, R2, RMSE } from './regression.js';
export { RocAuc } from './rocAuc.js';

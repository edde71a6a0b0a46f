import { shown } from '../../core/shown.js';
import { refuseClass } from '../checks.js';
import { Accuracy, TopK } from './accuracy.js';
import { ConfusionMatrix, F1, Precision, Recall } from './confusion.js';
import { LogLoss } from './logLoss.js';
import { Metric } from './metric.js';
import { MAE, MAPE, MSE, R2, RMSE } from './regression.js';
import { RocAuc } from './rocAuc.js';

/** The metrics that evaluate() and fit() know by name. */
export const METRICS: Readonly<Record<string, () => Metric>> = {
  accuracy: () => new Accuracy(),
  top3: () => new TopK({ k: 3 }),
  top5: () => new TopK({ k: 5 }),
  precision: () => new Precision(),
  recall: () => new Recall(),
  f1: () => new F1(),
  confusionMatrix: () => new ConfusionMatrix(),
  rocAuc: () => new RocAuc(),
  logLoss: () => new LogLoss(),
  mae: () => new MAE(),
  mse: () => new MSE(),
  rmse: () => new RMSE(),
  mape: () => new MAPE(),
  r2: () => new R2(),
};

/** A metric by its name, or as it is. */
export type MetricLike = string | Metric;

/**
 * The metrics that are meant.
 *
 * @throws RangeError on an unknown name and on a name that comes twice, TypeError on anything else
 */
export function metricsOf(operation: string, list: readonly MetricLike[]): Metric[] {
  if (!Array.isArray(list))
    throw new TypeError(`${operation}: expected metrics to be an array, got ${typeof list}`);
  const found = (list as readonly MetricLike[]).map((item, i) => {
    if (item instanceof Metric) return item;
    refuseClass(operation, `metric ${i}`, item);
    if (typeof item !== 'string') {
      throw new TypeError(`${operation}: expected a metric or its name, got ${shown(item)}`);
    }
    if (!Object.hasOwn(METRICS, item)) {
      throw new RangeError(
        `${operation}: unknown metric '${item}' (known: ${Object.keys(METRICS).join(', ')})`,
      );
    }
    return METRICS[item]();
  });
  const names = ['loss', ...found.map(({ name }) => name)];
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw new RangeError(`${operation}: two metrics are called '${twice}'`);
  return found;
}

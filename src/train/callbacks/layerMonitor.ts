import { checkCounts } from '../../core/checks.js';
import type { Rows } from '../../data/dataset.js';
import { checkBatch } from '../checks.js';
import { checkOptions } from '../../core/options.js';
import type { EpochReport } from '../history.js';
import { layerStatistics, type LayerStatistics } from '../layerStatistics.js';
import type { Callback, Training } from './callback.js';

export interface LayerMonitorOptions {
  /** Every how many epochs to look; 1 by default. */
  every?: number;
}

/**
 * Reports activations and gradients of each layer for one and the same batch after epochs: see {@link layerStatistics}.
 *
 * @throws TypeError where `report` is no function, RangeError on a bad option
 * @example
 * ```ts
 * import { callbacks, data, fit, nn, optim } from 'wasmgrad';
 * const rows = [[1, 0], [0, 1]];
 * const model = new nn.Sequential(new nn.Linear(2, 4), new nn.ReLU(), new nn.Linear(4, 1));
 * const deviations: number[] = [];
 * await fit(model, {
 *   data: new data.DataLoader(new data.TensorDataset(rows, [[1], [-1]])),
 *   loss: new nn.MSELoss(),
 *   optimizer: new optim.SGD(model.parameters(), { lr: 0.05 }),
 *   epochs: 4,
 *   callbacks: [
 *     new callbacks.LayerMonitor([rows, [[1], [-1]]], (layers) => void deviations.push(layers[0].gradients.weight.std), {
 *       every: 2,
 *     }),
 *   ],
 * });
 * deviations.length; // 2
 * ```
 */
export class LayerMonitor implements Callback {
  private readonly every: number;

  constructor(
    private readonly batch: readonly [inputs: Rows, targets: Rows],
    private readonly report: (layers: LayerStatistics[], epoch: number) => void | Promise<void>,
    options: LayerMonitorOptions = {},
  ) {
    checkOptions('LayerMonitor', options, ['every']);
    this.every = options.every ?? 1;
    if (typeof report !== 'function') throw new TypeError('LayerMonitor: expected a function to report to');
    checkBatch('LayerMonitor', batch);
    checkCounts('LayerMonitor', { every: this.every });
  }

  async onEpochEnd({ epoch }: EpochReport, { model, loss }: Training): Promise<void> {
    if (epoch % this.every === 0) await this.report(layerStatistics(model, this.batch, loss), epoch);
  }
}

import { engine } from '../core/engine.js';
import { outputFor, type Module } from '../nn/module.js';
import { withScratch } from '../tensor/scope.js';
import { watched, type Watcher } from '../tensor/watch.js';
import { batchesOf, type TrainingData } from './batchesOf.js';
import { checkModel } from './checks.js';
import { inEvaluation } from './inEvaluation.js';
import { LayerTrace } from './layers.js';
import { Pause } from './pause.js';

/** The units of one use of relu that never fire. */
export interface DeadUnits {
  /** Path of the module in which relu was called; `path#2` for the second call in it. */
  readonly layer: string;
  /** Number of units. */
  readonly units: number;
  /** Those that gave 0 for every row, by number. */
  readonly dead: number[];
}

/**
 * Which ReLU units give 0 for every row of a data set: they pass no gradient and learn nothing more. Counted wherever
 * `relu` is called, in nn.ReLU or in a module of yours; a unit is a position in the last dimension.
 *
 * @returns an entry for each use of relu, in the order in which they run
 * @throws TypeError where the model or the data is none
 * @example
 * ```ts
 * import { data, deadUnits, nn } from 'wasmgrad';
 * const model = new nn.Sequential(new nn.Linear(1, 3), new nn.ReLU());
 * model.loadStateDict({ '0.weight': [[1], [-1], [1]], '0.bias': [0, 0, -9] });
 * const loader = new data.DataLoader(new data.TensorDataset([[1], [2], [-1]], [0, 0, 0]));
 * await deadUnits(model, loader).then(([{ dead }]) => dead); // [2]
 * ```
 */
export async function deadUnits(model: Module, data: TrainingData): Promise<DeadUnits[]> {
  checkModel('deadUnits', model);
  const source = await batchesOf(data, 'deadUnits: expected data');
  const alive = new Map<string, Uint8Array>();
  await inEvaluation(model, source, new Pause(), undefined, ([inputs]) =>
    look(model, () => void outputFor(model, inputs), alive),
  );
  return [...alive].map(([layer, fired]) => ({
    layer,
    units: fired.length,
    dead: Array.from(fired, (_, i) => i).filter((i) => fired[i] === 0),
  }));
}

/** Runs a forward pass and notes which units fire. */
function look(model: Module, forward: () => void, alive: Map<string, Uint8Array>): void {
  const trace = new LayerTrace();
  const uses = new Map<string, number>();
  const watcher: Watcher = {
    recorded(_tape, call) {
      if (call.operation.name !== 'relu') return;
      const path = trace.current() ?? '';
      const use = (uses.get(path) ?? 0) + 1;
      uses.set(path, use);
      const layer = use === 1 ? path : `${path}#${use}`;
      const units = call.shape.at(-1) ?? 1;
      let fired = alive.get(layer);
      if (!fired) alive.set(layer, (fired = new Uint8Array(units)));
      const { f32 } = engine();
      for (let i = 0; i < call.size; i++) if (f32[call.output / 4 + i] > 0) fired[i % units] = 1;
    },
  };
  watched(watcher, () => withScratch(() => trace.during(model, forward)));
}

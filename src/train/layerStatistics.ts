import { engine } from '../core/engine.js';
import type { Rows } from '../data/dataset.js';
import { TensorDataset } from '../data/dataset.js';
import type { Loss } from '../losses/loss.js';
import { namedModules, outputFor, toEvaluation, type Module, type Parameter } from '../nn/module.js';
import { checkBatch, checkModel } from './checks.js';
import { lossOf } from './counted.js';
import { leavesInUse, setGradientsAside } from '../tensor/gradientsAside.js';
import { withTape } from '../tensor/scope.js';
import { Tape } from '../tensor/tape.js';
import { LayerTrace } from './layers.js';
import { Summary, type Statistics } from './summary.js';

/** One layer in {@link layerStatistics}. */
export interface LayerStatistics {
  /** Its path in the model, as in the names of parameters: `0`, `encoder.1`. */
  readonly layer: string;
  /** Its class. */
  readonly kind: string;
  /** What it gave. */
  readonly activation: Statistics;
  /** The gradient of the loss with respect to each of its parameters that has one, by name. */
  readonly gradients: Readonly<Record<string, Statistics>>;
}

/**
 * What each layer gives for a batch, and the gradient that its parameters get: mean, standard deviation, least and
 * largest number, share of zeros. Gradients that fade or blow up from layer to layer show here. Computed in evaluation
 * mode (no dropout); model, gradients and random numbers stay as they are.
 *
 * @param batch inputs and targets
 * @throws what the model and the loss throw
 * @example
 * ```ts
 * import { layerStatistics, nn } from 'wasmgrad';
 * const model = new nn.Sequential(new nn.Linear(2, 4), new nn.ReLU(), new nn.Linear(4, 2));
 * const report = layerStatistics(model, [[[1, 2], [3, 4]], [0, 1]], new nn.CrossEntropyLoss());
 * report.map(({ layer, kind }) => `${layer} ${kind}`); // ["0 Linear", "1 ReLU", "2 Linear"]
 * report[1].activation.min >= 0; // true
 * report[0].gradients.weight.count; // 8
 * ```
 */
export function layerStatistics(
  model: Module,
  batch: readonly [inputs: Rows, targets: Rows],
  loss: Loss,
): LayerStatistics[] {
  checkModel('layerStatistics', model);
  if (typeof loss?.forward !== 'function') throw new TypeError('layerStatistics: expected a loss');
  checkBatch('layerStatistics', batch);
  const dataset = new TensorDataset(...batch);
  const [inputs, targets] = dataset.gather(dataset.rows);
  const layers = [...namedModules(model)].filter(
    ([module, path]) => path !== '' || module === onlyModule(model),
  );
  const activations = new Map(layers.map(([module]) => [module, new Summary()]));
  // A tape of its own: what was computed elsewhere and has not gone backward stays there.
  const tape = new Tape(false, true);
  const resume = toEvaluation(model);
  let putBack: (() => void) | undefined;
  try {
    withTape(tape, () => {
      const outputs = new LayerTrace().during(
        model,
        () => outputFor(model, inputs),
        (_, module, output) => activations.get(module)?.add(output.data),
      );
      const value = lossOf('layerStatistics', loss, outputs, targets);
      putBack = setGradientsAside([...model.parameters(), ...leavesInUse()]);
      value.backward();
    });
    return layers.map(([module, layer]) => ({
      layer,
      kind: module.constructor.name,
      activation: activations.get(module)!.statistics,
      gradients: gradientsOf(module),
    }));
  } finally {
    tape.release();
    resume();
    putBack?.();
  }
}

/** A model that is a single layer is the layer itself. */
function onlyModule(model: Module): Module | undefined {
  return model.namedChildren().length === 0 ? model : undefined;
}

/** Statistics of the gradients of a module's own parameters, not of those of modules inside it. */
function gradientsOf(module: Module): Record<string, Statistics> {
  const inside = new Set<Parameter>(module.namedChildren().flatMap(([, child]) => child.parameters()));
  const own = module.namedParameters().filter(([, parameter]) => !inside.has(parameter));
  return Object.fromEntries(
    own.flatMap(([name, parameter]) => {
      // Not by way of `grad`, which remembers the tensor it gave.
      const { gradient, size } = parameter;
      if (!gradient?.filled) return [];
      const summary = new Summary();
      summary.add(engine().read(gradient.block.pointer, size));
      return [[name, summary.statistics]];
    }),
  );
}

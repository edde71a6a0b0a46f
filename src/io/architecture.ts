import { getRandomState, setRandomState } from '../core/random.js';
import { numbersOf } from '../forward/numbersOf.js';
import { Buffer, Module, outputOf, Parameter, setOutput } from '../nn/module.js';
import { tensor, type Tensor } from '../tensor/tensor.js';
import { checkArchitecture, checkModel, MAX_DEPTH } from './checkModel.js';
import type { CheckOptions } from './checkState.js';
import { childrenOf, kindOf, type LayerType } from './layers.js';
import { checkMetadata } from './metadata.js';
import { MODULES } from './modules.js';
import { show } from './shown.js';
import type { LayerDescription, StoredModel, StoredTensor } from './storedModel.js';

const TYPES = new Map(Object.entries(MODULES).map(([type, made]) => [made as unknown, type as LayerType]));

/** Options that a module does not have under their name: the parameter or buffer whose presence says it. */
const PRESENCE: Readonly<Record<string, string>> = {
  bias: 'bias',
  affine: 'weight',
  elementwiseAffine: 'weight',
  trackRunningStats: 'runningMean',
};

/** The fields that a constructor takes in an object, behind its other arguments. */
const OPTIONS = ['eps', 'momentum', 'paddingIdx', ...Object.keys(PRESENCE)];

/** Options for which null stands where they are not given. */
const OPTIONAL = ['paddingIdx'];

/**
 * A model as files hold it: its layers, and copies of its numbers.
 *
 * @throws TypeError where a layer is a class of the user's own; RangeError where one that has parameters is used twice
 */
export function describe(
  model: Module,
  metadata: Readonly<Record<string, string>> = {},
  operation = 'describe',
): StoredModel {
  checkModule(operation, model);
  checkMetadata(operation, metadata);
  const architecture = describeLayer(operation, model, '', 0);
  refuseShared(operation, model);
  checkArchitecture(operation, architecture);
  return { architecture, state: stateOfModule(model), output: outputOf(model), metadata };
}

/** Throws a TypeError on anything but a module. */
export function checkModule(operation: string, model: unknown): asserts model is Module {
  if (!(model instanceof Module)) {
    throw new TypeError(`${operation}: expected a model that extends nn.Module, got ${show(model)}`);
  }
}

/** Copies of every parameter and buffer. */
export function stateOfModule(model: Module): Map<string, StoredTensor> {
  const all: [string, Tensor][] = [...model.namedParameters(), ...model.namedBuffers()];
  return new Map(all.map(([name, { shape, data }]) => [name, { shape, values: data }]));
}

function describeLayer(operation: string, module: Module, path: string, depth: number): LayerDescription {
  const at = path === '' ? 'the model' : path;
  const type = TYPES.get(module.constructor);
  if (type === undefined) {
    throw new TypeError(
      `${operation}: ${at} is a class of your own, ${module.constructor.name}, which a file cannot hold; save its ` +
        'weights with saveWeights(), and read them with loadWeights() into a model that your code makes',
    );
  }
  if (depth > MAX_DEPTH) {
    throw new RangeError(`${operation}: ${at}: layers are nested more than ${MAX_DEPTH} deep`);
  }
  const kind = kindOf(type);
  const own = module as unknown as Record<string, unknown>;
  const layer: Record<string, unknown> = { type };
  for (const name of kind.fields ?? []) {
    layer[name] = name in PRESENCE ? own[PRESENCE[name]] !== undefined : (own[name] ?? null);
  }
  if (kind.children) {
    const [field, naming] = kind.children;
    const inside = module.namedChildren().map(([name, child], i) => {
      const inner = path === '' ? name : `${path}.${name}`;
      if (name !== (naming === 'field' ? field : String(i))) {
        throw new TypeError(
          `${operation}: ${inner} is a layer that a file cannot hold: a ${type} has no such field`,
        );
      }
      return describeLayer(operation, child, inner, depth + 1);
    });
    layer[field] = naming === 'field' ? inside[0] : inside;
  }
  return layer as unknown as LayerDescription;
}

/** Two layers with the same weights would be read as two with weights of their own. */
function refuseShared(operation: string, model: Module): void {
  const seen = new Map<unknown, string>();
  const visit = (module: Module, prefix: string): void => {
    for (const [name, value] of Object.entries(module)) {
      if (!(value instanceof Parameter) && !(value instanceof Buffer)) continue;
      const first = seen.get(value);
      if (first !== undefined) {
        throw new RangeError(
          `${operation}: ${prefix}${name} is ${first} once more; weights that are used twice can be saved with ` +
            'saveWeights(), but no file says that they belong together',
        );
      }
      seen.set(value, prefix + name);
    }
    for (const [name, child] of module.namedChildren()) visit(child, `${prefix}${name}.`);
  };
  visit(model, '');
}

/**
 * The model that a file holds, in evaluation mode.
 *
 * @throws RangeError where something that the file says is wrong; then nothing was allocated
 */
export function build(stored: StoredModel, operation = 'build', options: CheckOptions = {}): Module {
  checkModel(operation, stored, options);
  const random = getRandomState();
  try {
    const model = buildLayer(stored.architecture);
    model.loadStateDict(
      Object.fromEntries(
        [...stored.state].map(([name, one]) => [name, tensor(numbersOf(one), { shape: one.shape })]),
      ),
    );
    setOutput(model, stored.output);
    return model.eval();
  } finally {
    // Initial weights were drawn for nothing: that must not change what the program draws next.
    setRandomState(random);
  }
}

function buildLayer(layer: LayerDescription): Module {
  const { fields = [], children } = kindOf(layer.type);
  const own = layer as unknown as Record<string, unknown>;
  const make = MODULES[layer.type] as new (...args: unknown[]) => Module;
  if (children) return new make(...childrenOf(layer).map(([, child]) => buildLayer(child)));
  const values = fields.filter((name) => !OPTIONS.includes(name)).map((name) => own[name]);
  const options = fields.filter((name) => OPTIONS.includes(name));
  if (options.length > 0) {
    const given = options.map((name) => [
      name,
      OPTIONAL.includes(name) ? (own[name] ?? undefined) : own[name],
    ]);
    values.push(Object.fromEntries(given));
  }
  return new make(...values);
}

import { getRandomState, setRandomState, type RandomState } from '../core/random.js';
import { shown } from '../core/shown.js';
import { checkOptions } from '../core/options.js';
import { outputOf, type Module } from '../nn/module.js';
import { tensor } from '../tensor/tensor.js';
import type { History } from '../train/history.js';
import { checkModule, describe, stateOfModule } from './architecture.js';
import type { CheckOptions } from './checkState.js';
import { DTYPES } from './dtypes.js';
import { isOwn, metadataOf, OWN, tensorsOf } from './modelFile.js';
import { fromText, toText } from './plainData.js';
import { readSafetensors, writeSafetensors, type SafeTensors } from './safetensors.js';
import { show } from './shown.js';
import { handled } from './handled.js';
import { readBytes, writeBytes, type ByteSource, type ByteTarget } from './storage.js';
import type { LayerDescription } from './storedModel.js';
import { applyWeights } from './weights.js';

/** Whatever has a state of plain data: optimizers, schedules, averages of weights, callbacks. */
export interface Stateful {
  stateDict(): unknown;
  loadStateDict(state: never): void;
}

/** A DataLoader. */
export interface StatefulData {
  getState(): unknown;
  setState(state: never): void;
}

/** What a checkpoint puts back. */
export interface CheckpointParts {
  model: Module;
  optimizer?: Stateful;
  /** The schedule itself, without `every`. */
  schedule?: Stateful;
  ema?: Stateful;
  /** The loader of a loop of your own, between two epochs; fit() keeps its loaders' states in the history. */
  data?: StatefulData;
  /** Those that remember something, such as EarlyStopping, in order. */
  callbacks?: readonly Stateful[];
}

/** What a checkpoint holds besides. */
export interface CheckpointExtras {
  /** What fit() returned or hands to callbacks, for its `resume`. */
  history?: History;
  /** Plain data of your own: numbers, texts, lists, typed arrays. */
  extra?: unknown;
  metadata?: Readonly<Record<string, string>>;
}

export interface LoadedCheckpoint {
  /** For fit({ resume }); undefined where none was saved. */
  history: History | undefined;
  extra: unknown;
  metadata: Record<string, string>;
}

const PARTS = ['model', 'optimizer', 'schedule', 'ema', 'data', 'callbacks'];
const EXTRAS = ['history', 'extra', 'metadata'];
const CHECKPOINT = `${OWN}checkpoint`;

/** The text under {@link CHECKPOINT}, as data. */
interface CheckpointData {
  readonly states: Readonly<Record<string, unknown>>;
  readonly random: RandomState;
  readonly history?: History;
  readonly extra?: unknown;
}

/**
 * Model, optimizer, schedule, history and random numbers as one safetensors file. Who reads the model alone (loadModel(),
 * loadWeights(), PyTorch) reads this file, too.
 *
 * @throws TypeError on an unknown part, or where `extra` is no plain data
 */
export function encodeCheckpoint(parts: CheckpointParts & CheckpointExtras): Uint8Array<ArrayBuffer> {
  return checkpointBytes('encodeCheckpoint', parts);
}

function checkpointBytes(name: string, parts: CheckpointParts & CheckpointExtras): Uint8Array<ArrayBuffer> {
  const operation = 'saveCheckpoint';
  checkParts(name, parts, [...PARTS, ...EXTRAS]);
  const { model, history, extra, metadata = {} } = parts;
  const tensors = tensorsOf(operation, stateOfModule(model));
  const states = Object.fromEntries(statesOf(parts).map(({ name, read }) => [name, read()]));
  const data: CheckpointData = { states, random: getRandomState(), history, extra };
  const text = toText(operation, data, (path, { dtype, bytes }) => {
    const name = `${OWN}${path}`;
    tensors.set(name, { dtype, shape: [bytes.length / DTYPES[dtype].bytes], bytes });
    return name;
  });
  const described = { architecture: architectureOf(model), output: outputOf(model), metadata };
  return writeSafetensors(tensors, { ...metadataOf(operation, described), [CHECKPOINT]: text });
}

/**
 * Saves a run, so that it can go on later with the bits of one that was never stopped: weights, state of the optimizer, the
 * schedule and the average of the weights, history, and all random numbers. A file is replaced as a whole: killed at any
 * moment, it is the old one or the new one.
 *
 * @throws TypeError on an unknown part; Error where the target cannot be written
 * @example
 * ```ts
 * import { data, fit, nn, optim } from 'wasmgrad';
 * import { loadCheckpoint, saveCheckpoint, type ByteStore } from 'wasmgrad/io';
 *
 * const rows = new data.DataLoader(new data.TensorDataset([[1], [2]], [[2], [4]]), { shuffle: true, seed: 1 });
 * const start = () => {
 *   const model = new nn.Linear(1, 1);
 *   const optimizer = new optim.Adam(model.parameters(), { lr: 0.1 });
 *   return { model, optimizer, settings: { data: rows, loss: new nn.MSELoss(), optimizer } };
 * };
 * let file = new Uint8Array(); // or a path such as 'run.safetensors', opfs(path), indexedDb(key)
 * const store: ByteStore = { read: async () => file, write: async (bytes) => void (file = bytes) };
 *
 * const first = start();
 * const history = await fit(first.model, { ...first.settings, epochs: 3 });
 * await saveCheckpoint({ model: first.model, optimizer: first.optimizer, history }, store);
 *
 * const { model, optimizer, settings } = start();
 * const { history: resume } = await loadCheckpoint(store, { model, optimizer });
 * (await fit(model, { ...settings, epochs: 5, resume })).epochs.length; // 5
 * ```
 */
export async function saveCheckpoint(
  parts: CheckpointParts & CheckpointExtras,
  target: ByteTarget,
): Promise<void> {
  await writeBytes('saveCheckpoint', target, checkpointBytes('saveCheckpoint', parts));
}

/**
 * Puts back what {@link saveCheckpoint} saved, into parts that your code made with the same options.
 *
 * @throws RangeError where the file is damaged or belongs to other parts, TypeError on an unknown part; then nothing is changed
 */
export async function loadCheckpoint(
  source: ByteSource,
  parts: CheckpointParts & CheckOptions,
): Promise<LoadedCheckpoint> {
  const operation = 'loadCheckpoint';
  handled(source);
  checkParts(operation, parts, [...PARTS, 'allowNonFinite?']);
  const file = readSafetensors(await readBytes(operation, source), operation);
  const { states, random, history, extra } = dataOf(operation, file);
  const metadata = Object.entries(file.metadata).filter(([name]) => !isOwn(name) && name !== 'format');
  const before = getRandomState();
  const weights = [...stateOfModule(parts.model)].map(
    ([name, { values, shape }]) => [name, tensor(values as Float32Array, { shape })] as const,
  );
  const undo: (() => unknown)[] = [
    () => parts.model.loadStateDict(Object.fromEntries(weights)),
    () => setRandomState(before),
  ];
  try {
    applyWeights(operation, parts.model, file, { allowNonFinite: parts.allowNonFinite });
    for (const { name, read, write } of statesOf(parts)) {
      if (states[name] === undefined)
        throw new RangeError(`${operation}: the file holds no state of ${name}`);
      const old = read();
      undo.push(() => write(old));
      await inPart(operation, name, () => write(states[name]));
    }
    await inPart(operation, 'random', () => setRandomState(random));
  } catch (error) {
    for (const one of undo.toReversed()) {
      // A part that refuses its old state, too, must not keep the others from theirs.
      try {
        await one();
      } catch {}
    }
    throw error;
  }
  return { history, extra, metadata: Object.fromEntries(metadata) };
}

function checkParts(operation: string, parts: CheckpointParts, known: readonly string[]): void {
  checkOptions(operation, parts, known);
  checkModule(operation, parts.model);
  for (const name of PARTS.slice(1, -1) as ('optimizer' | 'schedule' | 'ema' | 'data')[]) {
    checkStateful(operation, name, parts[name]);
  }
  const { callbacks = [] } = parts;
  if (!Array.isArray(callbacks)) {
    throw new TypeError(`${operation}: expected callbacks as a list, got ${show(callbacks)}`);
  }
  // By index: forEach() leaves out what is missing.
  for (let i = 0; i < callbacks.length; i++) {
    checkStateful(operation, `callbacks.${i}`, (callbacks as unknown[])[i] ?? null);
  }
}

/** Throws a TypeError if a part is given and cannot be saved. */
function checkStateful(operation: string, name: string, part: unknown): void {
  if (part === undefined) return;
  const methods = part as Partial<Record<string, unknown>> | null;
  for (const method of name === 'data' ? ['getState', 'setState'] : ['stateDict', 'loadStateDict']) {
    if (typeof methods?.[method] !== 'function') {
      throw new TypeError(`${operation}: ${name} has no state that can be saved`);
    }
  }
}

interface PartState {
  readonly name: string;
  readonly read: () => unknown;
  /** May give a promise: parts of one's own do. */
  readonly write: (state: unknown) => unknown;
}

/** How to read and write the state of each part that is given, but the model. */
function statesOf({ optimizer, schedule, ema, data, callbacks = [] }: CheckpointParts): PartState[] {
  const named: [string, Stateful | undefined][] = [
    ['optimizer', optimizer],
    ['schedule', schedule],
    ['ema', ema],
    ...callbacks.map((one, i): [string, Stateful] => [`callbacks.${i}`, one]),
  ];
  const all = named.flatMap(([name, part]): PartState[] =>
    part === undefined
      ? []
      : [{ name, read: () => part.stateDict(), write: (state) => part.loadStateDict(state as never) }],
  );
  if (data) {
    all.push({ name: 'data', read: () => data.getState(), write: (state) => data.setState(state as never) });
  }
  return all;
}

/** Says which part it was that a file did not fit. */
async function inPart(operation: string, name: string, run: () => unknown): Promise<void> {
  try {
    await run();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : shown(cause);
    throw new RangeError(`${operation}: ${name}: ${message}`, { cause });
  }
}

function dataOf(operation: string, { tensors, metadata }: SafeTensors): CheckpointData {
  if (!Object.hasOwn(metadata, CHECKPOINT)) {
    throw new RangeError(
      `${operation}: the file is no checkpoint; where it holds a model or weights, read it with loadModel() or loadWeights()`,
    );
  }
  const data = fromText(operation, metadata[CHECKPOINT], (name) =>
    tensors.get(name),
  ) as CheckpointData | null;
  if (typeof data?.states !== 'object' || data.states === null) {
    throw new RangeError(`${operation}: the file has no states`);
  }
  const { history } = data;
  if (history !== undefined && !(Array.isArray(history?.epochs) && typeof history.state === 'object')) {
    throw new RangeError(`${operation}: the file's history is none`);
  }
  return data;
}

/** The layers of a model; undefined where no file can hold them. Its weights are saved in either case. */
function architectureOf(model: Module): LayerDescription | undefined {
  try {
    return describe(model).architecture;
  } catch {
    return undefined;
  }
}

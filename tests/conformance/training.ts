import type { data, nn, optim } from 'wasmgrad';
import { check, checkBits } from './checks.js';
import { DIGITS } from './digits.js';
import type { Case, Wasmgrad } from './suite.js';

/** Ten batches of 32 rows, five epochs. */
export const BATCH_SIZE = 32;
const EPOCHS = 5;
export const HIDDEN = 512;
export const LEARNING_RATE = 0.1;

export const DIGITS_CASE = '50 steps on digits';

/** Rows [320, 64], ink from 0 to ½, and labels. */
export function digits(): { rows: Float32Array; labels: number[] } {
  const lines = DIGITS.trim().split('\n');
  const rows = lines.flatMap((line) => Array.from(line.slice(0, 64), (ink) => parseInt(ink, 17) / 32));
  return { rows: Float32Array.from(rows), labels: lines.map((line) => Number(line.slice(65))) };
}

function dataset({ data }: Wasmgrad): data.TensorDataset {
  const { rows, labels } = digits();
  return new data.TensorDataset({ data: rows, shape: [labels.length, 64] }, labels);
}

/** 64-512-10: large enough that a step is worth waking workers for. */
export function digitsModel({ manualSeed, nn }: Wasmgrad): nn.Sequential {
  manualSeed(50);
  return new nn.Sequential(new nn.Linear(64, HIDDEN), new nn.Tanh(), new nn.Linear(HIDDEN, 10));
}

/** A network with everything that is random or remembers: dropout, running averages, moments. */
function unsteadyModel({ manualSeed, nn }: Wasmgrad): nn.Sequential {
  manualSeed(51);
  return new nn.Sequential(
    new nn.Linear(64, 96),
    new nn.BatchNorm1d(96),
    new nn.ReLU(),
    new nn.Dropout(0.2),
    new nn.Linear(96, 33),
    new nn.GELU(),
    new nn.Linear(33, 10),
  );
}

interface Way {
  readonly model: (wasmgrad: Wasmgrad) => nn.Module;
  readonly optimizer: (wasmgrad: Wasmgrad, model: nn.Module) => optim.Optimizer;
  readonly shuffle: boolean;
}

const plain: Way = {
  model: digitsModel,
  optimizer: ({ optim }, model) => new optim.SGD(model.parameters(), { lr: LEARNING_RATE }),
  shuffle: false,
};

const unsteady: Way = {
  model: unsteadyModel,
  optimizer: ({ optim }, model) => new optim.AdamW(model.parameters(), { lr: 0.003 }),
  shuffle: true,
};

const stateOf = (model: nn.Module): Float32Array[] =>
  Object.values(model.stateDict()).map((tensor) => tensor.data);

/** The loop spelled out. */
function byLoop(wasmgrad: Wasmgrad, { model: make, optimizer: optimize, shuffle }: Way): Float32Array[] {
  const model = make(wasmgrad);
  const optimizer = optimize(wasmgrad, model);
  const loader = new wasmgrad.data.DataLoader(dataset(wasmgrad), { batchSize: BATCH_SIZE, shuffle, seed: 9 });
  const loss = new wasmgrad.nn.CrossEntropyLoss();
  let steps = 0;
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    for (const [inputs, labels] of loader) {
      optimizer.zeroGrad();
      loss.forward(model.forward(inputs), labels).backward();
      optimizer.step();
      steps++;
    }
  }
  check(steps === 50, `${steps} steps instead of 50`);
  return stateOf(model);
}

/** The replay of fit(). */
async function byFit(
  wasmgrad: Wasmgrad,
  { model: make, optimizer: optimize, shuffle }: Way,
): Promise<Float32Array[]> {
  const model = make(wasmgrad);
  const loader = new wasmgrad.data.DataLoader(dataset(wasmgrad), { batchSize: BATCH_SIZE, shuffle, seed: 9 });
  const loss = new wasmgrad.nn.CrossEntropyLoss();
  const history = await wasmgrad.fit(model, {
    data: loader,
    loss,
    optimizer: optimize(wasmgrad, model),
    epochs: EPOCHS,
    progress: false,
  });
  check(history.epochs.length === EPOCHS, `${history.epochs.length} epochs instead of ${EPOCHS}`);
  const { accuracy } = await wasmgrad.evaluate(model, loader, { loss, metrics: ['accuracy'] });
  check(accuracy > 0.8, `the accuracy is ${accuracy}`);
  return stateOf(model);
}

async function bothWays(wasmgrad: Wasmgrad, way: Way): Promise<Float32Array[]> {
  const loop = byLoop(wasmgrad, way);
  const replay = await byFit(wasmgrad, way);
  loop.forEach((numbers, i) => checkBits(replay[i], numbers, `tensor ${i} after fit()`));
  return replay;
}

/** The same in a worker, where the host has such: rows are given away, and reports and weights come back. */
async function byWorker(
  wasmgrad: Wasmgrad,
  { worker, workers = true }: Parameters<Case>[1],
): Promise<Float32Array[]> {
  const expected = await byFit(wasmgrad, unsteady);
  const model = unsteady.model(wasmgrad);
  const { rows, labels } = digits();
  const options = {
    data: {
      inputs: { data: rows, shape: [labels.length, 64] },
      targets: labels,
      batchSize: BATCH_SIZE,
      shuffle: true,
      seed: 9,
    },
    loss: new wasmgrad.nn.CrossEntropyLoss(),
    optimizer: unsteady.optimizer(wasmgrad, model),
    epochs: EPOCHS,
  };
  if (!workers) {
    let message = 'nothing';
    try {
      await worker.trainInWorker(model, options).history;
    } catch (error) {
      message = (error as Error).message;
    }
    const expectedMessage = 'trainInWorker: the worker could not be started: this host has no workers';
    check(message === expectedMessage, `trainInWorker() threw ${message}`);
    return expected;
  }
  const losses: number[] = [];
  const run = worker.trainInWorker(model, { ...options, onEpoch: ({ loss }) => void losses.push(loss) });
  check(rows.length === 0, 'the rows were copied, not transferred');
  const history = await run.history;
  check(losses.length === EPOCHS, `${losses.length} reports of epochs came instead of ${EPOCHS}`);
  check(history.epochs.at(-1)?.loss === losses.at(-1), 'the history is not what was reported');
  const state = stateOf(model);
  expected.forEach((numbers, i) => checkBits(state[i], numbers, `tensor ${i} after training in a worker`));
  return state;
}

export const training: Record<string, Case> = {
  [DIGITS_CASE]: (wasmgrad) => bothWays(wasmgrad, plain),
  '50 steps with dropout, batch normalisation and AdamW': (wasmgrad) => bothWays(wasmgrad, unsteady),
  '50 steps in a worker': byWorker,
};

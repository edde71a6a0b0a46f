import type { nn, optim } from 'wasmgrad';
import { check, numbers } from './checks.js';
import type { Case, Numbers, Wasmgrad } from './suite.js';

type Optimizers = Wasmgrad['optim'];
type Weights = nn.Parameter[];

/** By the name of the class; what follows a space tells instances apart. */
export const OPTIMIZERS: Record<string, (optimizers: Optimizers, weights: Weights) => optim.Optimizer> = {
  SGD: ({ SGD }, weights) => new SGD(weights, { lr: 0.05 }),
  'SGD momentum': ({ SGD }, weights) =>
    new SGD(weights, { lr: 0.05, momentum: 0.9, nesterov: true, weightDecay: 0.01 }),
  Adam: ({ Adam }, weights) => new Adam(weights, { lr: 0.01 }),
  AdamW: ({ AdamW }, weights) => new AdamW(weights, { lr: 0.01 }),
  NAdam: ({ NAdam }, weights) => new NAdam(weights, { lr: 0.01 }),
  RMSprop: ({ RMSprop }, weights) => new RMSprop(weights, { lr: 0.01, momentum: 0.5, centered: true }),
  Adagrad: ({ Adagrad }, weights) => new Adagrad(weights, { lr: 0.05 }),
  Adadelta: ({ Adadelta }, weights) => new Adadelta(weights, {}),
  Lion: ({ Lion }, weights) => new Lion(weights, { lr: 0.005 }),
};

export const SCHEDULES: Record<
  string,
  (optimizers: Optimizers, optimizer: optim.Optimizer) => optim.Scheduler
> = {
  StepLR: ({ StepLR }, optimizer) => new StepLR(optimizer, { stepSize: 3, gamma: 0.7 }),
  MultiStepLR: ({ MultiStepLR }, optimizer) => new MultiStepLR(optimizer, { milestones: [2, 5], gamma: 0.3 }),
  ExponentialLR: ({ ExponentialLR }, optimizer) => new ExponentialLR(optimizer, { gamma: 0.93 }),
  LinearLR: ({ LinearLR }, optimizer) => new LinearLR(optimizer, { totalIters: 7 }),
  LambdaLR: ({ LambdaLR }, optimizer) => new LambdaLR(optimizer, { lrLambda: (t) => 1 / (1 + t) }),
  CosineAnnealingLR: ({ CosineAnnealingLR }, optimizer) => new CosineAnnealingLR(optimizer, { tMax: 9 }),
  CosineAnnealingWarmRestarts: ({ CosineAnnealingWarmRestarts }, optimizer) =>
    new CosineAnnealingWarmRestarts(optimizer, { t0: 3, tMult: 2 }),
  OneCycleLR: ({ OneCycleLR }, optimizer) => new OneCycleLR(optimizer, { maxLr: 0.1, totalSteps: 13 }),
  SequentialLR: ({ CosineAnnealingLR, LinearLR, SequentialLR }, optimizer) =>
    new SequentialLR(optimizer, {
      schedulers: [new LinearLR(optimizer, { totalIters: 4 }), new CosineAnnealingLR(optimizer, { tMax: 7 })],
      milestones: [4],
    }),
  ReduceLROnPlateau: ({ ReduceLROnPlateau }, optimizer) => new ReduceLROnPlateau(optimizer, { patience: 1 }),
};

const STEPS = 12;

/** Trains a small network, and gives losses and weights. */
function train(
  { manualSeed, nn, tensor }: Wasmgrad,
  begin: (weights: Weights) => { step(loss: number, weights: Weights): void },
): Numbers[] {
  manualSeed(3);
  const model = new nn.Sequential(new nn.Linear(6, 16), new nn.GELU(), new nn.Linear(16, 3));
  const loss = new nn.CrossEntropyLoss();
  const x = tensor(numbers(48, 30), { shape: [8, 6] });
  const targets = tensor([0, 1, 2, 0, 1, 2, 0, 1]);
  const parameters = model.parameters();
  const each = begin(parameters);
  const values: number[] = [];
  for (let step = 0; step < STEPS; step++) {
    for (const parameter of parameters) parameter.grad = null;
    const value = loss.forward(model.forward(x), targets);
    value.backward();
    values.push(value.item());
    each.step(values[step], parameters);
  }
  check(values[STEPS - 1] < values[0], `the loss did not fall: ${values.join(', ')}`);
  return [Float64Array.from(values), ...parameters.map(({ data }) => data)];
}

export const optimizers: Record<string, Case> = {
  ...Object.fromEntries(
    Object.entries(OPTIMIZERS).map(([name, make]): [string, Case] => [
      `optimizer ${name}`,
      (wasmgrad) => train(wasmgrad, (weights) => make(wasmgrad.optim, weights)),
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(SCHEDULES).map(([name, make]): [string, Case] => [
      `schedule ${name}`,
      (wasmgrad) => {
        const rates: number[] = [];
        const trained = train(wasmgrad, (weights) => {
          const optimizer = new wasmgrad.optim.SGD(weights, { lr: 0.05, momentum: 0.9 });
          const schedule = make(wasmgrad.optim, optimizer);
          return {
            step(loss) {
              optimizer.step();
              rates.push(optimizer.lr);
              schedule.step(loss);
            },
          };
        });
        return [Float64Array.from(rates), ...trained];
      },
    ]),
  ),
  'clipping and averaging': (wasmgrad) =>
    train(wasmgrad, (weights) => {
      const { clipGradNorm, clipGradValue, EMA, SGD } = wasmgrad.optim;
      const optimizer = new SGD(weights, { lr: 0.1 });
      const average = new EMA(weights, { decay: 0.5 });
      return {
        step() {
          clipGradNorm(weights, 0.5);
          clipGradValue(weights, 0.1);
          optimizer.step();
          average.update();
          average.apply();
          average.restore();
        },
      };
    }),
};

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  callbacks,
  crossValidate,
  data,
  DivergenceError,
  evaluate,
  fit,
  lrRangeTest,
  manualSeed,
  metrics,
  nn,
  optim,
  tensor,
  type History,
  type Tensor,
} from 'wasmgrad';

/** A model whose outputs are its inputs, with a parameter that can learn to scale them. */
class Scaled extends nn.Module {
  readonly scale = new nn.Parameter([1]);

  override forward(x: Tensor): Tensor {
    return x.mul(this.scale);
  }
}

const mse = new nn.MSELoss();
/** Targets [rows, 2]: what is wanted, and what the row counts. */
const byFunction = (output: Tensor, wanted: Tensor): Tensor =>
  mse.forward(output, wanted.slice(1, 0, 1), { weights: wanted.slice(1, 1, 2).reshape(-1) });
const byHand = {
  forward(output: Tensor, wanted: Tensor): Tensor {
    const weights = wanted.slice(1, 1, 2);
    return output
      .sub(wanted.slice(1, 0, 1))
      .square()
      .mul(weights)
      .sum()
      .div(weights.sum().clamp(1e-6))
      .add(0);
  },
  weightOf: (_: Tensor, wanted: Tensor): Tensor => wanted.slice(1, 1, 2).sum(),
};
const sumByHand = {
  forward: (output: Tensor, wanted: Tensor): Tensor => output.sub(wanted).square().sum().add(0),
  weightOf: (): number => Infinity,
};

const logits = Array.from({ length: 7 }, (_, i) => [Math.sin(i), Math.cos(3 * i), Math.sin(5 * i)]);
const labels = [0, 2, 1, 2, 2, 0, 1];
const numbers = logits.map(([a]) => [a]);
const wanted = logits.map(([, b]) => [b]);
const weighted = wanted.map(([b], i) => [b, [1, 0, 3, 0.5, 0, 2, 1][i]]);
const flags = logits.map((row) => row.map((x) => (x > 0 ? 1 : 0)));
const shares = logits.map((_, i) => [0.5, 0.25, 0.25].map((_value, c, all) => all[(c + i) % 3]));

type Case = [
  name: string,
  loss: nn.Loss | nn.LossFunction,
  inputs: number[][],
  targets: number[] | number[][],
];
const CASES: Case[] = [
  ['MSELoss', mse, logits, flags],
  ['L1Loss, sum', new nn.L1Loss({ reduction: 'sum' }), logits, flags],
  ['MSELoss, sum', new nn.MSELoss({ reduction: 'sum' }), logits, flags],
  ['BCEWithLogitsLoss with posWeight', new nn.BCEWithLogitsLoss({ posWeight: [1, 2, 3] }), logits, flags],
  ['CrossEntropyLoss', new nn.CrossEntropyLoss(), logits, labels],
  ['CrossEntropyLoss, sum', new nn.CrossEntropyLoss({ reduction: 'sum' }), logits, labels],
  ['CrossEntropyLoss of shares', new nn.CrossEntropyLoss({ weight: [1, 2, 3] }), logits, shares],
  ['class weights', new nn.CrossEntropyLoss({ weight: [10, 1, 0.1] }), logits, labels],
  ['class weights, one 0', new nn.CrossEntropyLoss({ weight: [0, 1, 3] }), logits, labels],
  ['class weights, sum', new nn.CrossEntropyLoss({ weight: [10, 1, 0.1], reduction: 'sum' }), logits, labels],
  [
    'class weights, smoothed',
    new nn.CrossEntropyLoss({ weight: [5, 1, 3], labelSmoothing: 0.1 }),
    logits,
    labels,
  ],
  ['ignored labels', new nn.CrossEntropyLoss({ ignoreIndex: 2 }), logits, labels],
  ['ignored padding', new nn.CrossEntropyLoss({ ignoreIndex: 255 }), logits, [255, 255, 1, 2, 255, 0, 255]],
  ['ignored, smoothed', new nn.CrossEntropyLoss({ ignoreIndex: 2, labelSmoothing: 0.2 }), logits, labels],
  ['ignored, sum', new nn.CrossEntropyLoss({ ignoreIndex: 2, reduction: 'sum' }), logits, labels],
  ['ignored and weighted', new nn.CrossEntropyLoss({ ignoreIndex: 2, weight: [2, 5, 1] }), logits, labels],
  ['NLLLoss', new nn.NLLLoss({ ignoreIndex: 0, weight: [2, 5, 1] }), logits, labels],
  ['KLDivLoss, batchmean', new nn.KLDivLoss({ reduction: 'batchmean' }), logits, shares],
  ['KLDivLoss', new nn.KLDivLoss(), logits, shares],
  ['row weights in a function', byFunction, numbers, weighted],
  ['row weights by hand', byHand, numbers, weighted],
  ['a sum by hand', sumByHand, logits, flags],
  ['a mean by hand', (output, target) => output.sub(target).abs().mean(), logits, flags],
];

const loaderOf = (inputs: number[][], targets: number[] | number[][], batchSize: number): data.DataLoader =>
  new data.DataLoader(new data.TensorDataset(inputs, targets), { batchSize });
const streamOf = (loader: data.DataLoader): data.Stream =>
  new data.Stream(async function* () {
    for (const [inputs, targets] of loader) yield Promise.resolve([inputs, targets] as data.StreamItem);
  });
const SIZES = [7, 1, 2, 3, 5];

describe.each(CASES)('%s', (_, loss, inputs, targets) => {
  const whole = (): number => {
    const target = tensor(targets);
    const forward = typeof loss === 'function' ? loss : loss.forward.bind(loss);
    return forward(tensor(inputs), target).item();
  };

  it.each(SIZES)('evaluate gives the loss of all rows, in batches of %i', async (size) => {
    const { loss: got } = await evaluate(new Scaled(), loaderOf(inputs, targets, size), {
      loss,
      metrics: [],
    });
    expect(got).toBeCloseTo(whole(), 5);
  });

  it.each(SIZES)('so do the histories of fit, and what onBatch is told, in batches of %i', async (size) => {
    const seen: number[] = [];
    for (const onBatch of [undefined, ({ meanLoss }: { meanLoss: number }) => void seen.push(meanLoss)]) {
      const model = new Scaled();
      const history = await fit(model, {
        data: loaderOf(inputs, targets, size),
        validation: loaderOf(inputs, targets, size),
        metrics: [],
        loss,
        optimizer: new optim.SGD(model.parameters(), { lr: 0 }),
        epochs: 2,
        onBatch,
      });
      for (const report of history.epochs) {
        expect(report.loss).toBeCloseTo(whole(), 5);
        expect(report.validationLoss).toBeCloseTo(whole(), 5);
      }
    }
    expect(seen.at(-1)).toBeCloseTo(whole(), 5);
  });

  it.each(SIZES)('accumulate steps along the gradient of all rows, in batches of %i', async (size) => {
    const steps = await Promise.all(
      [loaderOf(inputs, targets, 7), loaderOf(inputs, targets, size)].map(async (loader, i) => {
        const model = new Scaled();
        await fit(model, {
          data: loader,
          loss,
          optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }),
          epochs: 2,
          accumulate: i === 0 ? 1 : 7,
        });
        return model.scale.item() - 1;
      }),
    );
    expect(steps[0]).not.toBe(0);
    expect(steps[1]).toBeCloseTo(steps[0], 5);
  });

  it('crossValidate gives the loss of all rows of a fold', async () => {
    const rows = inputs.map((_row, i) => i);
    const { folds } = await crossValidate(() => new Scaled(), {
      data: new data.TensorDataset(inputs, targets),
      loss: typeof loss === 'function' ? { forward: loss } : loss,
      optimizer: (model) => new optim.SGD(model.parameters(), { lr: 0 }),
      epochs: 1,
      folds: [{ train: Int32Array.from(rows), test: Int32Array.from(rows) }],
      batchSize: 2,
      metrics: [],
      shuffle: false,
    });
    expect(folds[0].evaluation.loss).toBeCloseTo(whole(), 5);
    expect(folds[0].history.epochs[0].loss).toBeCloseTo(whole(), 5);
  });
});

describe('the numbers of a report that showed it', () => {
  const dataset = [
    [
      [2, 0],
      [0, 1],
      [1, 3],
      [-1, 2],
      [0.5, 0],
    ],
    [1, 0, 0, 1, 0],
  ] as const;

  it.each([5, 2, 1])('class weights in batches of %i', async (size) => {
    const loss = new nn.CrossEntropyLoss({ weight: [10, 1] });
    const [inputs, targets] = dataset.map((rows) => rows.map((row) => row)) as [number[][], number[]];
    const { loss: got } = await evaluate(new Scaled(), loaderOf(inputs, targets, size), { loss });
    expect(got).toBeCloseTo(loss.forward(tensor(inputs), tensor(targets)).item(), 6);
  });

  it.each([4, 2, 3, 1])('four rows of loss 1 are 4 as a sum, in batches of %i', async (size) => {
    const zeros = [[0], [0], [0], [0]];
    const ones = [[1], [1], [1], [1]];
    const loss = new nn.MSELoss({ reduction: 'sum' });
    expect((await evaluate(new Scaled(), loaderOf(zeros, ones, size), { loss })).loss).toBe(4);
  });
});

describe('a batch in which nothing counts', () => {
  const nothing = [-1, -1, 0, 1, -1, -1];
  const rows = nothing.map((_, i) => [Math.sin(i), Math.cos(i)]);
  const LOSSES: [string, nn.Loss | nn.LossFunction, number[] | number[][]][] = [
    ['ignored labels', new nn.CrossEntropyLoss({ ignoreIndex: -1 }), nothing],
    ['ignored labels, smoothed', new nn.CrossEntropyLoss({ ignoreIndex: -1, labelSmoothing: 0.1 }), nothing],
    ['ignored labels of NLLLoss', new nn.NLLLoss({ ignoreIndex: -1 }), nothing],
    [
      'a class of weight 0',
      new nn.CrossEntropyLoss({ weight: [0, 1] }),
      nothing.map((label) => +(label > 0)),
    ],
    [
      'a class of weight 0, smoothed',
      new nn.CrossEntropyLoss({ weight: [0, 1], labelSmoothing: 0.1 }),
      nothing.map((label) => +(label > 0)),
    ],
    [
      'rows of weight 0',
      (output, target) =>
        mse.forward(output.slice(1, 0, 1), target.slice(1, 0, 1), {
          weights: target.slice(1, 1, 2).reshape(-1),
        }),
      nothing.map((label, i) => [i, +(label >= 0)]),
    ],
  ];

  it.each(LOSSES)(
    'changes nothing, is no divergence, and figures leave it out: %s',
    async (_, loss, targets) => {
      for (const accumulate of [1, 2]) {
        manualSeed(1);
        const model = new nn.Linear(2, 2);
        const before = model.weight.toArray();
        const steps: unknown[] = [];
        const losses: number[] = [];
        const history = await fit(model, {
          data: loaderOf(rows, targets, 2),
          validation: loaderOf(rows, targets, 2),
          metrics: [],
          loss,
          optimizer: new optim.SGD(model.parameters(), { lr: 0.5 }),
          epochs: 2,
          accumulate,
          onBatch: (report) => {
            losses.push(report.loss);
            steps.push(model.weight.toArray());
          },
        });
        if (accumulate === 1) expect(steps[0]).toEqual(before);
        expect(losses[0]).toBeNaN();
        expect(model.weight.data.every(Number.isFinite)).toBe(true);
        expect(model.weight.toArray()).not.toEqual(before);
        for (const { loss: own, validationLoss } of history.epochs) {
          expect(Number.isFinite(own)).toBe(true);
          expect(Number.isFinite(validationLoss)).toBe(true);
        }
      }
    },
  );

  it('of a whole epoch gives NaN as its figure, with the weights as they were', async () => {
    const model = new nn.Linear(2, 2);
    const before = model.stateDict().weight.toArray();
    const none = loaderOf(
      rows,
      rows.map(() => 9),
      2,
    );
    const loss = new nn.CrossEntropyLoss({ ignoreIndex: 9 });
    const stopping = new callbacks.EarlyStopping({ patience: 1 });
    const history = await fit(model, {
      data: none,
      validation: none,
      loss,
      optimizer: new optim.Adam(model.parameters()),
      epochs: 3,
      callbacks: [stopping],
    });
    expect(history.epochs[0].loss).toBeNaN();
    expect(history.epochs[0].validationLoss).toBeNaN();
    expect(history.epochs[0].validationAccuracy).toBeNaN();
    expect(model.weight.toArray()).toEqual(before);
  });

  it('does not hide a divergence of others', async () => {
    const model = new nn.Linear(2, 2);
    model.loadStateDict({ weight: new Float32Array(4), bias: Float32Array.of(NaN, 0) });
    const training = fit(model, {
      data: loaderOf(rows, nothing, 2),
      loss: new nn.CrossEntropyLoss({ ignoreIndex: -1 }),
      optimizer: new optim.SGD(model.parameters(), { lr: 0 }),
      epochs: 1,
    });
    await expect(training).rejects.toThrow(DivergenceError);
    await expect(training).rejects.toMatchObject({ epoch: 1, batch: 2 });
  });
});

describe('metrics', () => {
  const outputs = [
    [2, 0, 1],
    [0, 2, 1],
    [0, 1, 2],
    [3, 0, 1],
    [0, 3, 1],
    [2, 1, 0],
  ];
  const kept = [0, 1, 4, 5];
  const truth = [0, 1, 0, 2];

  it.each([255, 0, -100, 2])('leave out the rows that the loss ignores: %i', async (ignoreIndex) => {
    const labelled = outputs.map((_, i) => (kept.includes(i) ? truth[kept.indexOf(i)] : ignoreIndex));
    const names = ['accuracy', 'f1', 'precision', 'recall', 'logLoss', 'top3', 'rocAuc'];
    const counted = labelled.flatMap((label, i) => (label === ignoreIndex ? [] : [i]));
    const alone = await evaluate(
      new Scaled(),
      loaderOf(
        counted.map((i) => outputs[i]),
        counted.map((i) => labelled[i]),
        9,
      ),
      { loss: new nn.CrossEntropyLoss(), metrics: names },
    );
    for (const size of [6, 4, 2, 1]) {
      const loss = new nn.CrossEntropyLoss({ ignoreIndex });
      const held = loaderOf(outputs, labelled, size);
      const got = await evaluate(new Scaled(), held, { loss, metrics: names });
      for (const name of ['loss', ...names]) {
        if (Number.isNaN(alone[name])) expect(got[name]).toBeNaN();
        else expect(got[name]).toBeCloseTo(alone[name], 6);
      }
      const model = new Scaled();
      const history = await fit(model, {
        data: held,
        validation: held,
        loss,
        metrics: names,
        optimizer: new optim.SGD(model.parameters(), { lr: 0 }),
        epochs: 1,
      });
      expect(history.epochs[0].validationAccuracy).toBeCloseTo(alone.accuracy, 6);
    }
  });

  it('of the user see only those rows, too', async () => {
    class Rows extends metrics.Metric<number> {
      readonly name = 'rows';
      private count = 0;
      add({ targetShape, outputShape }: metrics.MetricBatch): void {
        expect(outputShape[0]).toBe(targetShape[0]);
        this.count += targetShape[0];
      }
      compute(): number {
        return this.count;
      }
      reset(): void {
        this.count = 0;
      }
    }
    const loss = new nn.CrossEntropyLoss({ ignoreIndex: 255 });
    const held = loaderOf(outputs, [0, 255, 255, 255, 1, 2], 2);
    expect((await evaluate(new Scaled(), held, { loss, metrics: [new Rows()] })).rows).toBe(3);
  });
});

describe('what else goes by the loss of batches', () => {
  const loss = new nn.CrossEntropyLoss({ weight: [10, 1, 0.1] });

  it('an epoch that is interrupted and resumed has the figure of one that is not', async () => {
    const run = async (stops: boolean): Promise<History> => {
      manualSeed(4);
      const model = new nn.Linear(3, 3);
      const options = {
        data: loaderOf(logits, labels, 2),
        loss,
        optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }),
        epochs: 2,
      };
      if (!stops) return fit(model, options);
      const begun = await fit(model, {
        ...options,
        callbacks: [
          {
            onBatchEnd: ({ epoch, batch }, training) =>
              void (epoch === 2 && batch === 2 && training.interrupt()),
          },
        ],
      });
      expect(begun.finished).toBe(false);
      return fit(model, {
        ...options,
        callbacks: [{ onEpochEnd: () => undefined }],
        resume: JSON.parse(JSON.stringify(begun)) as History,
      });
    };
    expect((await run(true)).epochs.map((report) => report.loss)).toEqual(
      (await run(false)).epochs.map((report) => report.loss),
    );
  });

  it('a schedule for batches is told the loss of all rows of a step', async () => {
    const seen: (number | undefined)[] = [];
    const model = new nn.Linear(3, 3);
    const { weight, bias } = model.stateDict();
    await fit(model, {
      data: loaderOf(logits, labels, 2),
      loss,
      optimizer: new optim.SGD(model.parameters(), { lr: 0 }),
      epochs: 1,
      accumulate: 4,
      schedule: { scheduler: { step: (figure?: number) => void seen.push(figure) }, every: 'batch' },
    });
    const outputs = tensor(logits).matmul(weight.transpose()).add(bias);
    expect(seen).toHaveLength(1);
    expect(seen[0]).toBeCloseTo(loss.forward(outputs, labels).item(), 5);
  });

  it('lrRangeTest sees the loss of all rows of a step', async () => {
    const run = (batchSize: number, accumulate: number) => {
      manualSeed(2);
      const model = new nn.Linear(3, 3);
      return lrRangeTest(model, {
        data: loaderOf(logits, labels, batchSize),
        loss,
        optimizer: new optim.SGD(model.parameters(), { lr: 0.1 }),
        from: 0.01,
        to: 1,
        steps: 8,
        accumulate,
      });
    };
    const [whole, parts] = [await run(7, 1), await run(2, 4)];
    expect(parts.losses).toHaveLength(8);
    parts.losses.forEach((value, i) => expect(value).toBeCloseTo(whole.losses[i], 4));
  });

  it('a loss of several numbers is refused by evaluate', async () => {
    const none = new nn.MSELoss({ reduction: 'none' });
    await expect(evaluate(new Scaled(), loaderOf(logits, flags, 7), { loss: none })).rejects.toThrow(
      "evaluate: expected a loss of one number, got [7, 3]; take reduction: 'mean' or 'sum'",
    );
  });
});

describe('fit, evaluate and the loop spelled out', () => {
  const at = fc.integer({ min: 0, max: 2 });
  const setting = fc.record({
    labels: fc.array(fc.oneof(at, fc.constant(255)), { minLength: 1, maxLength: 14 }),
    batchSize: fc.integer({ min: 1, max: 6 }),
    accumulate: fc.integer({ min: 1, max: 4 }),
    weight: fc.option(fc.array(fc.constantFrom(0, 0.25, 1, 7), { minLength: 3, maxLength: 3 }), {
      nil: undefined,
    }),
    reduction: fc.constantFrom('mean' as const, 'sum' as const),
    rows: fc.option(fc.array(fc.constantFrom(0, 0.5, 1, 3), { minLength: 14, maxLength: 14 }), {
      nil: undefined,
    }),
    streamed: fc.boolean(),
    seed: fc.integer({ min: 1, max: 1e6 }),
  });

  it('have the same figures, whatever the batches, weights and ignored labels', async () => {
    await fc.assert(
      fc.asyncProperty(
        setting,
        async ({ labels: own, batchSize, accumulate, weight, reduction, rows, streamed, seed }) => {
          const loss = new nn.CrossEntropyLoss({ weight, reduction, ignoreIndex: 255 });
          const inputs = own.map((_, i) => [Math.sin(i + seed), Math.cos(i * seed), 0.5]);
          const targets = own.map((label, i) => [label, rows ? rows[i] : 1]);
          const forward = (output: Tensor, target: Tensor): Tensor =>
            loss.forward(output, target.slice(1, 0, 1).reshape(-1), {
              weights: target.slice(1, 1, 2).reshape(-1),
            });
          const lr = 0.05;

          // The loop, in float64: the sum of the losses that count, and what they are divided by.
          const counts = own.map((label, i) =>
            label === 255 ? 0 : (weight?.[label] ?? 1) * (rows?.[i] ?? 1),
          );
          manualSeed(seed);
          const model = new nn.Linear(3, 3);
          const W = model.weight.data.slice() as unknown as Float64Array;
          const w = Float64Array.from(W);
          const b = Float64Array.from(model.bias!.data);
          const termsOf = (i: number): { loss: number; slopes: number[] } => {
            const z = [0, 1, 2].map(
              (c) => b[c] + inputs[i].reduce((sum, x, j) => sum + w[c * 3 + j] * Math.fround(x), 0),
            );
            const total = Math.log(z.reduce((sum, value) => sum + Math.exp(value), 0));
            const slopes = z.map((value, c) => Math.exp(value - total) - (c === own[i] ? 1 : 0));
            return { loss: total - z[own[i]], slopes };
          };
          const figure = (terms: (i: number) => number): number => {
            const sum = own.reduce((all, _, i) => all + (counts[i] === 0 ? 0 : counts[i] * terms(i)), 0);
            return reduction === 'sum' ? sum : sum / counts.reduce((all, value) => all + value, 0);
          };
          const seen: number[] = [];
          for (let from = 0; from < own.length; from += batchSize * accumulate) {
            const step = own.map((_, i) => i).slice(from, from + batchSize * accumulate);
            const divisor = reduction === 'sum' ? 1 : step.reduce((all, i) => all + counts[i], 0);
            const dw = new Float64Array(9);
            const db = new Float64Array(3);
            for (const i of step) {
              if (counts[i] === 0) continue;
              const { loss: value, slopes } = termsOf(i);
              seen[i] = value;
              slopes.forEach((slope, c) => {
                db[c] += (counts[i] * slope) / divisor;
                inputs[i].forEach((x, j) => (dw[c * 3 + j] += (counts[i] * slope * x) / divisor));
              });
            }
            dw.forEach((g, k) => (w[k] -= lr * g));
            db.forEach((g, k) => (b[k] -= lr * g));
          }

          const loader = (): data.DataLoader => loaderOf(inputs, targets, batchSize);
          const batches = Math.ceil(own.length / batchSize);
          const history = await fit(model, {
            data: streamed && accumulate === 1 ? streamOf(loader()) : loader(),
            loss: forward,
            optimizer: new optim.SGD(model.parameters(), { lr }),
            epochs: 1,
            accumulate,
          });
          expect(batches).toBeGreaterThan(0);
          const close = (got: number, exact: number): void => {
            if (Number.isNaN(exact)) expect(got).toBeNaN();
            else expect(Math.abs(got - exact)).toBeLessThan(2e-5 * Math.max(1, Math.abs(exact)));
          };
          close(
            history.epochs[0].loss,
            figure((i) => seen[i]),
          );
          model.weight.data.forEach((value, k) => close(value, w[k]));
          const after = figure((i) => termsOf(i).loss);
          close((await evaluate(model, loader(), { loss: forward })).loss, after);
          close((await evaluate(model, loaderOf(inputs, targets, 20), { loss: forward })).loss, after);
        },
      ),
      { seed: 7, numRuns: 80 },
    );
  });
});

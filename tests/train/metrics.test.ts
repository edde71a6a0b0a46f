import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { data, evaluate, manualSeed, metrics, nn, tensor, type Tensor } from 'wasmgrad';
import { METRICS, metricsOf } from '../../src/train/metrics/byName.js';
import golden from '../reference/metrics.json' with { type: 'json' };
import { randomFloats } from '../support/numbers.js';

interface Case {
  outputs: number[];
  shape: number[];
  targets: number[];
  expected: Record<string, number | number[] | number[][]>;
}

type Meaning = 'raw' | 'softmax' | 'sigmoid';

const AVERAGED = { precision: metrics.Precision, recall: metrics.Recall, f1: metrics.F1 };

/** The metric behind a name of the reference, such as `f1 macro`. */
function metricOf(name: string): metrics.Metric {
  const [first, average] = name.split(' ');
  if (average) {
    return new AVERAGED[first as keyof typeof AVERAGED]({ average: average as metrics.Average });
  }
  const top = /^top(\d)$/.exec(first);
  return top ? new metrics.TopK({ k: Number(top[1]) }) : metricsOf('test', [first])[0];
}

/** Feeds rows in parts of these sizes, the last ones alone. */
function inParts(
  metric: metrics.Metric,
  { outputs, shape, targets }: Omit<Case, 'expected'>,
  sizes: readonly number[],
  meaning: Meaning,
): metrics.MetricValue {
  const [rows, ...rest] = shape;
  const width = outputs.length / rows;
  const targetWidth = targets.length / rows;
  metric.reset();
  let row = 0;
  for (let part = 0; row < rows; part++) {
    const end = Math.min(rows, row + (sizes[part % sizes.length] ?? rows));
    metric.update(
      tensor(Float32Array.from(outputs.slice(row * width, end * width)), { shape: [end - row, ...rest] }),
      tensor(Float32Array.from(targets.slice(row * targetWidth, end * targetWidth)), {
        shape: targetWidth === 1 ? [end - row] : [end - row, targetWidth],
      }),
      meaning,
    );
    row = end;
  }
  return metric.compute();
}

function close(actual: metrics.MetricValue, expected: metrics.MetricValue): void {
  const [a, b] = [[actual].flat(2), [expected].flat(2)];
  expect(a).toHaveLength(b.length);
  // Sums of float64 of up to a hundred terms, and for R² far from zero a difference of near numbers.
  a.forEach((value, i) => expect(Math.abs(value - b[i])).toBeLessThanOrEqual(1e-11 * Math.abs(b[i]) + 1e-15));
}

const kinds: [string, Meaning, Record<string, Case>][] = [
  ['binary', 'raw', golden.binary as unknown as Record<string, Case>],
  ['multiclass', 'softmax', golden.multiclass as unknown as Record<string, Case>],
  ['shares', 'raw', golden.shares as unknown as Record<string, Case>],
  ['regression', 'raw', golden.regression as unknown as Record<string, Case>],
];

describe('metrics are scikit-learn’s', () => {
  const cases = kinds.flatMap(([kind, meaning, group]) =>
    Object.entries(group).flatMap(([title, item]) =>
      Object.keys(item.expected).map((name) => ({
        title: `${kind}, ${title}: ${name}`,
        name,
        item,
        meaning,
      })),
    ),
  );

  it('in many cases', () => expect(cases.length).toBeGreaterThan(80));

  it.each(cases)('$title', ({ name, item, meaning }) => {
    const metric = metricOf(name);
    close(inParts(metric, item, [item.shape[0]], meaning), item.expected[name]);
    close(inParts(metric, item, [7, 1, 0, 13], meaning), item.expected[name]);
  });
});

describe('metrics in parts', () => {
  const names = [...Object.keys(METRICS), 'f1 none', 'f1 weighted', 'recall micro'];
  it.each(names)('%s: any split gives what the whole gives', (name) => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 1e6 }),
        fc.array(fc.nat(9), { minLength: 1, maxLength: 5 }).filter((sizes) => sizes.some((n) => n > 0)),
        (rows, seed, sizes) => {
          const regression = ['mae', 'mse', 'rmse', 'mape', 'r2'].includes(name);
          const width = 6;
          const outputs = [...randomFloats(rows * width, seed)].map((v) => Math.round(v * 4) / 4);
          const random = randomFloats(rows * width, seed + 1, 3);
          const targets = regression
            ? [...random]
            : Array.from({ length: rows }, (_, i) => Math.floor(Math.abs(random[i]) * 2) % width);
          const item = { outputs, shape: [rows, width], targets };
          const meaning = regression ? 'raw' : 'softmax';
          const whole = inParts(metricOf(name), item, [rows], meaning);
          const split = inParts(metricOf(name), item, sizes, meaning);
          if (regression || name === 'logLoss') {
            if (Number.isNaN(whole)) expect(split).toBeNaN();
            else expect(Math.abs((split as number) - (whole as number))).toBeLessThan(1e-11);
          } else expect(split).toEqual(whole);
        },
      ),
      { seed: 4, numRuns: 50 },
    );
  });
});

describe('what outputs mean', () => {
  it('logits are taken for their probabilities', () => {
    const logits = [
      [1, -1],
      [0.2, 0.9],
      [-3, 2],
    ];
    const shares = tensor(logits).softmax().toArray() as number[][];
    const ofLogits = new metrics.LogLoss().update(logits, [0, 0, 1], 'softmax').compute();
    expect(ofLogits).toBeCloseTo(new metrics.LogLoss().update(shares, [0, 0, 1]).compute(), 6);
    expect(new metrics.LogLoss().update([[-400, 400]], [0], 'softmax').compute()).toBe(800);
    expect(new metrics.LogLoss().update([-800], [1], 'sigmoid').compute()).toBe(800);
    expect(new metrics.Accuracy().update([-0.1, 0.1, 3], [0, 1, 0], 'sigmoid').compute()).toBeCloseTo(
      2 / 3,
      15,
    );
    const threshold = new metrics.Accuracy({ threshold: 0.9 });
    expect(threshold.update([-0.1, 0.1, 3], [0, 0, 1], 'sigmoid').compute()).toBe(1);
  });

  it('targets may be probabilities, or left out', () => {
    const shares = [
      [0.7, 0.2, 0.1],
      [0.1, 0.1, 0.8],
    ];
    expect(
      new metrics.Accuracy()
        .update(shares, [
          [0.5, 0.3, 0.2],
          [0, 1, 0],
        ])
        .compute(),
    ).toBe(0.5);
    expect(
      new metrics.LogLoss()
        .update(shares, [
          [0.5, 0.5, 0],
          [0, 0, 1],
        ])
        .compute(),
    ).toBeCloseTo(-(0.5 * Math.log(0.7) + 0.5 * Math.log(0.2) + Math.log(0.8)) / 2, 6);
    expect(new metrics.Accuracy().update(shares, [-100, 2]).compute()).toBe(1);
    expect(new metrics.ConfusionMatrix().update(shares, [-100, 2]).compute()[2]).toEqual([0, 0, 1]);
  });

  it('several outputs that are logits of sigmoid are decisions of their own', () => {
    const several = new metrics.Accuracy().update(
      [
        [1, -1],
        [1, 1],
      ],
      [
        [1, 0],
        [0, 1],
      ],
      'sigmoid',
    );
    expect(several.compute()).toBe(0.75);
  });

  it('has nothing to say about nothing', () => {
    for (const metric of [
      new metrics.Accuracy(),
      new metrics.MAE(),
      new metrics.RocAuc(),
      new metrics.F1(),
    ]) {
      expect(metric.compute()).toBeNaN();
    }
    expect(new metrics.RocAuc().update([0.1, 0.2], [1, 1]).compute()).toBeNaN();
    expect(new metrics.R2().update([1], [1]).compute()).toBeNaN();
    expect(new metrics.R2().update([1, 1], [1, 1]).compute()).toBe(1);
    expect(new metrics.R2().update([1, 2], [1, 1]).compute()).toBe(0);
  });

  it.each([
    [
      () => new metrics.Accuracy().update([[1, 2]], [3]),
      /accuracy: expected class indices, integers from 0 to 1, got 3/,
    ],
    [() => new metrics.F1().update([[1, 2]], [0.5]), /f1: expected class indices/],
    [() => new metrics.MAE().update([1, 2], [3]), /mae: outputs \[2\] and targets \[1\] do not fit/],
    [() => new metrics.R2().update([1, 2], [3]), /r2: outputs/],
    [
      () => new metrics.TopK({ k: 3 }).update([[1, 2]], [1]),
      /top3: expected at least 3 outputs a row, got 2/,
    ],
    [() => new metrics.TopK({ k: 0 }), /TopK: expected k/],
    [
      () => new metrics.F1({ average: 'binary' }).update([[1, 2, 3]], [1]).compute(),
      /'binary' wants two classes, got 3/,
    ],
    [() => new metrics.F1({ average: 'mean' as never }), /F1: unknown average 'mean'/],
    [() => new metrics.Recall({ averag: 'micro' } as never), /Recall: unknown option/],
    [() => new metrics.Accuracy({ threshold: 2 }), /threshold to be a number in \[0, 1\]/],
    [
      () => new metrics.F1().update([[1, 2]], [1]).update([[1, 2, 3]], [1]),
      /expected 2 classes as before, got 3/,
    ],
  ])('%s is refused', (action, message) => expect(action).toThrow(message));
});

describe('metrics in evaluate', () => {
  const rows = Array.from({ length: 23 }, (_, i) => [Math.sin(i), Math.cos(3 * i), (i % 7) / 7]);
  const labels = rows.map(([a, b]) => (a > b ? 2 : a > 0 ? 1 : 0));
  const loss = new nn.CrossEntropyLoss();
  const model = () => {
    manualSeed(2);
    return new nn.Sequential(new nn.Linear(3, 8), new nn.Dropout(0.5), new nn.ReLU(), new nn.Linear(8, 3));
  };
  const loader = (batchSize: number) =>
    new data.DataLoader(new data.TensorDataset(rows, labels), { batchSize });

  it('are what they are by themselves, whatever the batches', async () => {
    const net = model();
    const confusion = new metrics.ConfusionMatrix();
    const list = [
      'accuracy',
      'rocAuc',
      'logLoss',
      confusion,
      new metrics.F1({ average: 'none', name: 'each' }),
    ];
    const figures = await evaluate(net, loader(5), { loss, metrics: list });
    net.eval();
    const logits = net.forward(tensor(rows)).detach();
    const alone = <M extends metrics.Metric>(metric: M) => metric.update(logits, labels, 'softmax').compute();
    expect(figures.accuracy).toBe(alone(new metrics.Accuracy()));
    expect(figures.rocAuc).toBeCloseTo(alone(new metrics.RocAuc()) as number, 12);
    expect(figures.logLoss).toBeCloseTo(alone(new metrics.LogLoss()) as number, 6);
    expect(figures.logLoss).toBeCloseTo(figures.loss, 5);
    const matrix = alone(new metrics.ConfusionMatrix()) as number[][];
    expect(confusion.compute()).toEqual(matrix);
    expect(figures['confusionMatrix.2.1']).toBe(matrix[2][1]);
    expect(figures['each.2']).toBe((alone(new metrics.F1({ average: 'none' })) as number[])[2]);
    // Begins anew each time.
    await evaluate(net, loader(23), { loss, metrics: [confusion] });
    expect(confusion.compute()).toEqual(matrix);
  });

  it('are checked first', async () => {
    const run = (list: unknown) => evaluate(model(), loader(4), { loss, metrics: list as never });
    await expect(run(['accurracy'])).rejects.toThrow(/unknown metric 'accurracy' \(known: accuracy, /);
    await expect(run(['f1', 'f1'])).rejects.toThrow(/two metrics are called 'f1'/);
    await expect(run([3])).rejects.toThrow(/expected a metric or its name, got 3/);
    await expect(run('f1')).rejects.toThrow(/expected metrics to be an array/);
    const noClass: Tensor = tensor(rows);
    const wrong = new data.DataLoader(new data.TensorDataset(noClass, labels), { batchSize: 4 });
    await expect(evaluate(model(), wrong, { loss, metrics: ['mae'] })).rejects.toThrow(
      /mae: outputs \[4, 3\] and targets \[4\] do not fit each other/,
    );
  });
});

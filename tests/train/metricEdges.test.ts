import { describe, expect, it } from 'vitest';
import { metrics } from 'wasmgrad';

const { Accuracy, TopK, ConfusionMatrix, Precision, Recall, F1, LogLoss, RocAuc, MAE, MSE, RMSE, MAPE, R2 } =
  metrics;
const no = NaN;
const far = Infinity;

type Rows = number[] | number[][];
type Edge = [
  name: string,
  metric: metrics.Metric,
  outputs: Rows,
  targets: Rows,
  wanted: unknown,
  meaning?: 'softmax' | 'sigmoid',
];
const EDGES: Edge[] = [
  ['a logit +∞ that is right', new LogLoss(), [[far, 1]], [0], 0, 'softmax'],
  ['a logit +∞ beside −∞', new LogLoss(), [[far, -far]], [0], 0, 'softmax'],
  ['a logit +∞ that is wrong', new LogLoss(), [[far, 1]], [1], far, 'softmax'],
  ['two logits +∞', new LogLoss(), [[far, far, 1]], [0], Math.LN2, 'softmax'],
  ['all logits −∞', new LogLoss(), [[-far, -far]], [0], no, 'softmax'],
  ['a NaN beside +∞', new LogLoss(), [[far, no]], [0], no, 'softmax'],
  ['a logit −∞ that is not wanted', new LogLoss(), [[0, -far, 0]], [0], Math.LN2, 'softmax'],
  ['probabilities where a logit is +∞', new LogLoss(), [[far, 1]], [[1, 0]], 0, 'softmax'],
  ['one logit +∞', new LogLoss(), [far, -far], [1, 0], 0, 'sigmoid'],
  ['one logit that is far wrong', new LogLoss(), [far], [0], far, 'sigmoid'],
  ['a share of one logit +∞', new LogLoss(), [far], [0.5], far, 'sigmoid'],
  [
    'three classes with a logit +∞',
    new RocAuc(),
    [
      [far, 1, 2],
      [0, far, 1],
      [1, 0, far],
      [far, 0, far],
    ],
    [0, 1, 2, 2],
    (1 + 1 + 1) / 3,
    'softmax',
  ],
  [
    'two classes, both +∞',
    new RocAuc(),
    [
      [far, far],
      [far, 0],
      [0, far],
      [far, far],
    ],
    [0, 0, 1, 1],
    0.875,
    'softmax',
  ],
  ['a logit +∞ of class 1', new RocAuc(), [far, -far, 1], [1, 0, 0], 1, 'sigmoid'],
  [
    'all NaN',
    new Accuracy(),
    [
      [no, no],
      [no, no],
    ],
    [0, 1],
    0,
  ],
  [
    'a NaN beside the largest',
    new Accuracy(),
    [
      [3, no],
      [3, 1],
    ],
    [0, 0],
    0.5,
  ],
  [
    'a NaN before the largest',
    new Accuracy(),
    [
      [no, 3],
      [1, 3],
    ],
    [0, 1],
    0.5,
  ],
  [
    'NaN logits',
    new Accuracy(),
    [
      [no, 3],
      [1, 3],
    ],
    [1, 1],
    0.5,
    'softmax',
  ],
  ['one NaN output of class 0', new Accuracy(), [no, 0.2], [0, 0], 0.5],
  ['one NaN logit of class 0', new Accuracy(), [no, -2], [0, 0], 0.5, 'sigmoid'],
  [
    'ties',
    new Accuracy(),
    [
      [1, 1],
      [1, 1],
    ],
    [0, 1],
    0.5,
  ],
  [
    'infinities',
    new Accuracy(),
    [
      [far, 1],
      [-far, 1],
    ],
    [0, 1],
    1,
  ],
  [
    'NaN in a top k',
    new TopK({ k: 2 }),
    [
      [no, 1, 2],
      [0, 1, 2],
    ],
    [1, 1],
    0.5,
  ],
  ['the class itself is NaN', new TopK({ k: 2 }), [[0, no, 2]], [1], 0],
  [
    'ties in a top k',
    new TopK({ k: 1 }),
    [
      [1, 1, 1],
      [1, 1, 1],
    ],
    [0, 1],
    0.5,
  ],
  [
    'NaN',
    new ConfusionMatrix(),
    [
      [no, 1],
      [1, 0],
      [no, no],
    ],
    [0, 0, 1],
    [
      [1, 0],
      [0, 0],
    ],
  ],
  ['a NaN', new Recall(), [no, 0.9], [1, 1], 0.5],
  ['a NaN of class 0', new Precision(), [no, 0.9], [0, 1], 1],
  ['a NaN', new F1(), [no, 0.9], [1, 1], 2 / 3],
  ['only NaN', new F1(), [no, no], [1, 1], 0],
  [
    'a NaN, class by class',
    new Recall({ average: 'none' }),
    [
      [no, 1],
      [1, 0],
      [0, 1],
    ],
    [0, 0, 1],
    [0.5, 1],
  ],
  [
    'a NaN, together',
    new Recall({ average: 'micro' }),
    [
      [no, 1],
      [1, 0],
    ],
    [0, 0],
    0.5,
  ],
  [
    'a NaN, weighted',
    new Recall({ average: 'weighted' }),
    [
      [no, 1],
      [1, 0],
    ],
    [0, 0],
    0.5,
  ],
  ['a NaN', new LogLoss(), [no, 0.5], [1, 1], no],
  ['a NaN logit', new LogLoss(), [[no, 1]], [1], no, 'softmax'],
  ['a NaN logit', new LogLoss(), [no], [1], no, 'sigmoid'],
  ['a NaN', new RocAuc(), [0.1, no, 0.8], [0, 1, 1], no],
  ['a NaN of class 0', new RocAuc(), [0.1, no, 0.8], [0, 0, 1], no],
  ['one class', new RocAuc(), [0.1, 0.2], [1, 1], no],
  [
    'a class without rows',
    new RocAuc(),
    [
      [1, 0, 0],
      [0, 1, 0],
    ],
    [0, 1],
    no,
  ],
  ['ties', new RocAuc(), [0.5, 0.5], [0, 1], 0.5],
  ['infinities', new RocAuc(), [-far, far], [0, 1], 1],
  ['a NaN', new MAE(), [no, 1], [1, 1], no],
  ['a NaN', new MSE(), [no, 1], [1, 1], no],
  ['a NaN', new RMSE(), [no, 1], [1, 1], no],
  ['a NaN', new MAPE(), [no, 1], [1, 1], no],
  ['a NaN', new R2(), [no, 1], [1, 2], no],
  ['a NaN and equal targets', new R2(), [no, 1], [1, 1], no],
  ['equal targets', new R2(), [2, 1], [1, 1], 0],
  ['one row', new R2(), [2], [1], no],
  ['infinity', new MAE(), [far, 1], [1, 1], far],
];

describe('metrics at the edges', () => {
  it.each(EDGES.map((edge) => [edge[1].name, ...edge] as const))(
    '%s of %s',
    (_n, _e, metric, outputs, targets, wanted, meaning) => {
      const got = metric.update(outputs, targets, meaning ?? 'raw').compute();
      if (typeof wanted === 'number') {
        if (Number.isFinite(wanted)) expect(got).toBeCloseTo(wanted, 12);
        else expect(got).toBe(wanted);
      } else expect(got).toEqual(wanted);
    },
  );

  const ALL = [Accuracy, Precision, Recall, F1, LogLoss, RocAuc, MAE, MSE, RMSE, MAPE, R2];
  it.each(ALL.map((Metric) => [new Metric().name, new Metric()] as const))(
    '%s of nothing is NaN',
    (_, metric) => {
      expect(metric.compute()).toBeNaN();
      metric.add({
        outputs: new Float32Array(0),
        outputShape: [0, 1],
        targets: new Float32Array(0),
        targetShape: [0, 1],
        meaning: 'raw',
      });
      expect(metric.compute()).toBeNaN();
    },
  );

  it.each([
    new Accuracy(),
    new F1(),
    new Recall({ average: 'micro' }),
    new LogLoss(),
    new RocAuc(),
    new TopK({ k: 1 }),
  ])('of rows that are all left out: NaN ($name)', (metric) => {
    expect(
      metric
        .update(
          [
            [1, 0],
            [0, 1],
          ],
          [-1, -1],
        )
        .compute(),
    ).toBeNaN();
  });
});

/** Rows of a decision that is one output, the first of them left out. */
const one = [0.9, 0.9, 0.2, 0.6];
const left = [-1, 1, 0, 0];
const single: [metrics.Metric, number[] | number[][], unknown, ('softmax' | 'sigmoid')?][] = [
  [new Accuracy(), one, 2 / 3],
  [new Accuracy(), one.map((y) => [y]), 2 / 3],
  [
    new ConfusionMatrix(),
    one,
    [
      [1, 1],
      [0, 1],
    ],
  ],
  [new Precision(), one, 1 / 2],
  [new Recall(), one, 1],
  [new F1(), one, 2 / 3],
  [new RocAuc(), one, 1],
  [new LogLoss(), one, -(Math.log(0.9) + Math.log(0.8) + Math.log(0.4)) / 3],
  [new Accuracy(), [9, 9, -2, 6], 2 / 3, 'sigmoid'],
  [new RocAuc(), [-9, 9, -2, 6], 1, 'sigmoid'],
  [new LogLoss(), [5, 0, 0, 0], Math.log(2), 'sigmoid'],
];

const close = (got: unknown, wanted: unknown): void => {
  const flat = (value: unknown): number[] => [value].flat(3) as number[];
  expect(flat(got)).toHaveLength(flat(wanted).length);
  flat(got).forEach((value, i) => expect(value).toBeCloseTo(flat(wanted)[i], 6));
};

describe('a negative target leaves its row out', () => {
  it.each(single)('of one output: $name', (metric, outputs, wanted, meaning) => {
    const nested = Array.isArray(outputs[0]);
    const targets = nested ? left.map((target) => [target]) : left;
    close(metric.update(outputs, targets, meaning ?? 'raw').compute(), wanted);
  });

  it('element by element, where logits are decisions of their own each', () => {
    const outputs = [
      [9, -9, 9],
      [-9, 9, 9],
    ];
    const targets = [
      [1, -1, 1],
      [-1, -1, 0],
    ];
    close(new Accuracy().update(outputs, targets, 'sigmoid').compute(), 2 / 3);
  });

  it('where targets are probabilities', () => {
    const outputs = [
      [0.9, 0.1],
      [0.9, 0.1],
    ];
    const targets = [
      [1, 0],
      [-1, -1],
    ];
    close(new Accuracy().update(outputs, targets).compute(), 1);
    close(new LogLoss().update(outputs, targets).compute(), -Math.log(0.9));
  });
});

const EVERY = [Accuracy, ConfusionMatrix, Precision, Recall, F1, LogLoss, RocAuc, MAE, MSE, RMSE, MAPE, R2];
const two = [
  [0.1, 0.9],
  [0.9, 0.1],
];

describe('a target that is no number or no class', () => {
  const shapes: [string, Rows, Rows, ('softmax' | 'sigmoid')?][] = [
    ['one output', [0.1, 0.9], [no, 1]],
    ['one output, the last', [0.1, 0.9], [0, no]],
    ['one logit', [0.1, 0.9], [no, 1], 'sigmoid'],
    ['several decisions', two, [[no, 1], [1, 0]], 'sigmoid'], // prettier-ignore
    ['probabilities', two, [[no, 1], [1, 0]]], // prettier-ignore
    ['probabilities, the largest is known', two, [[1, no], [1, 0]], 'softmax'], // prettier-ignore
  ];
  type Case = [metrics.Metric, string, Rows, Rows, ('softmax' | 'sigmoid')?];
  const cases: Case[] = [
    ...EVERY.flatMap((Metric) => shapes.map((shape) => [new Metric(), ...shape] as Case)),
    ...EVERY.slice(0, 7).map((Metric) => [new Metric(), 'class indices', two, [no, 1]] as Case),
    [new TopK({ k: 1 }), 'class indices', two, [no, 1]],
  ];
  it.each(cases)('NaN is an error: $name, %s', (metric, _, outputs, targets, meaning) => {
    expect(() => metric.update(outputs, targets, meaning ?? 'raw')).toThrow(
      new RegExp(`^${metric.name}: expected .*, got NaN`),
    );
  });

  it.each(
    EVERY.slice(0, 7).flatMap((Metric) =>
      [2, 1.5, Infinity].map((target) => [new Metric(), target] as const),
    ),
  )('one output is for class 0 or 1: $name, %s', (metric, target) => {
    expect(() => metric.update([0.1, 0.9], [0, target])).toThrow(
      new RegExp(`^${metric.name}: expected targets from 0 to 1, got ${target}`),
    );
  });

  it('one output has no top k', () => {
    expect(() => new TopK({ k: 1 }).update([0.1, 0.9], [0, 1])).toThrow(/^top1: expected at least 2 outputs/);
    expect(() => new TopK({ k: 2 }).update(two, two, 'sigmoid')).toThrow(
      /^top2: expected at least 2 outputs/,
    );
  });
});

describe('ROC AUC where softmax is at its limits', () => {
  // Every row of a class has a larger logit for it, or larger log-odds, than the rows of the others.
  const saturated: [string, number[][], number[], number][] = [
    ['near 1', [[100, 0, 0], [90, 0, 0], [0, 100, 0], [0, 0, 100]], [0, 1, 1, 2], 1], // prettier-ignore
    ['beyond the largest exponential', [[2000, 0, 0], [1000, 0, 0], [0, 2000, 0], [0, 0, 2000]], [0, 0, 1, 2], 1], // prettier-ignore
    ['near 0', [[0, -2000, -900], [0, -1000, -2000], [0, -2000, -1000]], [0, 1, 2], 0.5], // prettier-ignore
    ['infinite', [[far, 0, 0], [9, 0, 0], [0, far, 0], [0, -far, 9]], [0, 0, 1, 2], 1], // prettier-ignore
    ['two classes', [[100, 0], [90, 0], [0, 100]], [0, 1, 1], 1], // prettier-ignore
    ['two infinite', [[far, 0], [0, 100], [-far, far]], [0, 1, 1], 1], // prettier-ignore
  ];
  it.each(saturated)('%s', (_, outputs, targets, wanted) => {
    close(new RocAuc().update(outputs, targets, 'softmax').compute(), wanted);
  });

  it('is what the order of the probabilities gives where float64 tells them apart', () => {
    let state = 1;
    const random = (): number => (state = (state * 16807) % 2147483647) / 2147483647;
    const outputs = Array.from({ length: 200 }, () =>
      Array.from({ length: 4 }, () => Math.fround(6 * random())),
    );
    const targets = outputs.map(() => Math.floor(4 * random()));
    const probabilities = outputs.map((row) => {
      const total = row.reduce((sum, logit) => sum + Math.exp(logit), 0);
      return row.map((logit) => Math.exp(logit) / total);
    });
    const wanted = [0, 1, 2, 3].map((c) => {
      let [pairs, above] = [0, 0];
      probabilities.forEach((p, i) =>
        probabilities.forEach((q, j) => {
          if (targets[i] !== c || targets[j] === c) return;
          pairs++;
          above += p[c] > q[c] ? 1 : p[c] === q[c] ? 0.5 : 0;
        }),
      );
      return above / pairs;
    });
    close(new RocAuc().update(outputs, targets, 'softmax').compute(), wanted.reduce((a, b) => a + b) / 4);
  });
});

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

import { describe, expect, it } from 'vitest';
import { nn, tensor, type Tensor } from 'wasmgrad';

/** Numbers that are indices of an embedding, too. */
const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => (i * 7) % 5);

const flat = (values: unknown): number[] => [values].flat(9) as number[];

class Swish extends nn.Module {
  override forward(x: Tensor): Tensor {
    return x.mul(x.sigmoid());
  }
}

/** The layer that is used last stands first. */
class Backwards extends nn.Module {
  head = new nn.Linear(3, 2);
  body = new nn.Sequential(new nn.Dropout(), new nn.Linear(6, 3));
  override forward(x: Tensor): Tensor {
    return this.head.forward(this.body.forward(x));
  }
}

class Words extends nn.Module {
  layers = [new nn.Embedding(5, 4), new nn.Linear(12, 2)];
  override forward(x: Tensor): Tensor {
    return this.layers[1].forward(this.layers[0].forward(x).reshape(x.shape[0], -1));
  }
}

class Told extends nn.Module {
  override readonly inFeatures = 6;
  head = new nn.Linear(3, 2);
  override forward(x: Tensor): Tensor {
    return this.head.forward(x.slice(1, 0, 3).add(x.slice(1, 3, 6)));
  }
}

const embedding = () => new nn.Embedding(5, 4);
const linear = (size: number) => new nn.Linear(size, 2);

const MODELS: [string, () => nn.Module, number[]][] = [
  ['Linear', () => linear(6), [6]],
  ['Flatten → Linear', () => new nn.Sequential(new nn.Flatten(), linear(6)), [6]],
  ['ReLU → Dropout → Linear', () => new nn.Sequential(new nn.ReLU(), new nn.Dropout(), linear(6)), [6]],
  ['Embedding → Flatten → Linear', () => new nn.Sequential(embedding(), new nn.Flatten(), linear(12)), [3]],
  ['Embedding → Flatten → BatchNorm1d', () => new nn.Sequential(embedding(), new nn.Flatten(), new nn.BatchNorm1d(12)), [3]],
  ['Embedding → Linear', () => new nn.Sequential(embedding(), linear(4)), []],
  ['Embedding → LayerNorm → Linear', () => new nn.Sequential(embedding(), new nn.LayerNorm(4), linear(4)), []],
  ['Embedding → LayerNorm → Flatten → Linear', () => new nn.Sequential(embedding(), new nn.LayerNorm(4), new nn.Flatten(), linear(12)), [3]],
  ['Embedding → LayerNorm of two → Flatten → Linear', () => new nn.Sequential(embedding(), new nn.LayerNorm([3, 4]), new nn.Flatten(), linear(12)), [3]],
  ['Embedding → BatchNorm1d → Flatten → Linear', () => new nn.Sequential(embedding(), new nn.BatchNorm1d(3), new nn.Flatten(), linear(12)), [3]],
  ['Embedding → BatchNorm1d', () => new nn.Sequential(embedding(), new nn.BatchNorm1d(3)), [3]],
  ['Embedding → Residual → Flatten → Linear', () => new nn.Sequential(embedding(), new nn.Residual(new nn.LayerNorm(4)), new nn.Flatten(), linear(12)), [3]],
  ['Embedding → PReLU → Flatten → Linear', () => new nn.Sequential(new nn.Sequential(embedding(), new nn.PReLU(3)), new nn.Sequential(new nn.Flatten()), linear(12)), [3]],
  ['Embedding', embedding, []],
  ['Standardize → Linear', () => new nn.Sequential(new nn.Standardize(6), linear(6)), [6]],
  ['Standardize → Flatten → Linear', () => new nn.Sequential(new nn.Standardize(3), new nn.Flatten(), linear(6)), [2, 3]],
  ['BatchNorm1d → Linear', () => new nn.Sequential(new nn.BatchNorm1d(6), linear(6)), [6]],
  ['BatchNorm1d → Flatten → Linear', () => new nn.Sequential(new nn.BatchNorm1d(3), new nn.Flatten(), linear(6)), [3, 2]],
  ['LayerNorm of two → Flatten → Linear', () => new nn.Sequential(new nn.LayerNorm([2, 3]), new nn.Flatten(), linear(6)), [2, 3]],
  ['RMSNorm → Linear', () => new nn.Sequential(new nn.RMSNorm(6), linear(6)), [6]],
  ['PReLU → Linear', () => new nn.Sequential(new nn.PReLU(6), linear(6)), [6]],
  ['PReLU of one → Linear', () => new nn.Sequential(new nn.PReLU(), linear(6)), [6]],
  ['Sequential in Sequential', () => new nn.Sequential(new nn.Sequential(new nn.Sequential(new nn.Tanh()), linear(6)), linear(2)), [6]],
  ['Residual → Linear', () => new nn.Sequential(new nn.Residual(new nn.Linear(6, 6)), linear(6)), [6]],
  ['Residual without width → Linear', () => new nn.Sequential(new nn.Residual(new nn.ReLU()), linear(6)), [6]],
  ['Concat → Linear', () => new nn.Sequential(new nn.Concat(new nn.Identity(), new nn.Linear(6, 2)), linear(8)), [6]],
  ['a class of one’s own', () => new Backwards(), [6]],
  ['a class of one’s own in Sequential', () => new nn.Sequential(new nn.ReLU(), new Backwards(), linear(2)), [6]],
  ['a class of one’s own that says it', () => new Told(), [6]],
  ['an activation of one’s own → Linear', () => new nn.Sequential(new Swish(), linear(6)), [6]],
]; // prettier-ignore

describe.each(MODELS)('%s', (_, make, row) => {
  const model = make();
  const size = row.reduce((product, length) => product * length, 1);
  const batch = tensor(numbers(4 * size)).reshape(4, ...row);
  const expected = flat(model.predict(batch));

  it('predicts rows of a typed array', () => {
    expect(Array.from(model.predict(Float32Array.from(numbers(4 * size))))).toEqual(expected);
    expect(Array.from(model.predict(Int32Array.from(numbers(4 * size)) as never))).toEqual(expected);
  });

  it('predicts one row, and nested arrays', () => {
    expect(flat(model.predict(batch.toArray()))).toEqual(expected);
    const first = batch.slice(0, 0, 1).reshape(row);
    const alone = flat(model.predict(first.toArray()));
    alone.forEach((value, i) => expect(value).toBeCloseTo(expected[i], 5));
    expect(alone).toHaveLength(expected.length / 4);
  });

  it('has a summary', () => {
    const { inputShape, layers } = nn.summary(model);
    expect(inputShape).toEqual([1, ...row]);
    expect(layers.length).toBeGreaterThan(0);
    expect(model.modules().every(({ training }) => training)).toBe(true);
  });

  it.runIf(size > 1)('refuses half a row', () => {
    expect(() => model.predict(new Float32Array(size * 2 - 1))).toThrow(RangeError);
  });
});

describe('where no layer says it', () => {
  it('predict takes a typed array as it is, and summary wants a shape', () => {
    expect(new nn.Sequential(new nn.ReLU()).predict(Float32Array.of(-1, 2))).toEqual(Float32Array.of(0, 2));
    expect(() => nn.summary(new nn.Sequential(new Swish()))).toThrow(/^summary: expected a shape/);
  });

  it('indices of an embedding in a class of one’s own are wanted as nested arrays', () => {
    const model = new Words();
    expect(flat(model.predict([[1, 2, 3]]))).toEqual(flat(model.predict([1, 2, 3])));
    expect(() => model.predict(new Float32Array(12))).toThrow(/^linear\(12 → 2\)/);
    expect(() => nn.summary(model)).toThrow(/^linear\(12 → 2\)/);
  });

  it('the error of the first layer is told', () => {
    expect(() => new Backwards().predict(new Float32Array(9))).toThrow(
      /^linear\(6 → 3\): expected x \[batch, 6\], got \[3, 3\]$/,
    );
    expect(() => new Backwards().predict(new Float32Array(7))).toThrow(
      /^predict: expected rows of 3 or 6 numbers, got 7 numbers in all$/,
    );
  });
});

import fc from 'fast-check';
import { manualSeed, nn, tensor } from 'wasmgrad';
import { random } from './random.js';

/** A model to try a format with: how it is made, shown where a property fails, and rows that it takes. */
export interface Sample {
  readonly code: string;
  readonly make: () => nn.Module;
  /** [3, inFeatures] */
  readonly rows: number[][];
}

interface Part {
  readonly code: string;
  readonly make: () => nn.Module;
  readonly width: number;
}

export interface ArchitectureOptions {
  /** Types of layers that the format does not know. */
  readonly without?: readonly string[];
}

const part = (code: string, width: number, make: () => nn.Module): Part => ({ code, make, width });
const numbers = fc.float({ min: Math.fround(0.01), max: 2, noNaN: true });

/** Layers that take and give [batch, width], by the name of their class. */
function keeping(width: number): Record<string, fc.Arbitrary<Part>> {
  const plain = (
    name: 'ReLU' | 'SELU' | 'GELU' | 'SiLU' | 'Mish' | 'Sigmoid' | 'Tanh' | 'Identity' | 'Flatten',
  ) => fc.constant(part(`${name}()`, width, () => new nn[name]()));
  const number = (name: 'LeakyReLU' | 'ELU' | 'Softplus') =>
    numbers.map((value) => part(`${name}(${value})`, width, () => new nn[name](value)));
  const rate = (name: 'Dropout' | 'AlphaDropout') =>
    fc.constantFrom(0, 0.2, 0.5).map((p) => part(`${name}(${p})`, width, () => new nn[name](p)));
  const alongLast = (name: 'Softmax' | 'LogSoftmax') =>
    fc.constantFrom(-1, 1).map((dim) => part(`${name}(${dim})`, width, () => new nn[name](dim)));
  const eps = fc.constantFrom(1e-5, 1e-3);
  return {
    ReLU: plain('ReLU'),
    SELU: plain('SELU'),
    GELU: plain('GELU'),
    SiLU: plain('SiLU'),
    Mish: plain('Mish'),
    Sigmoid: plain('Sigmoid'),
    Tanh: plain('Tanh'),
    Identity: plain('Identity'),
    Flatten: plain('Flatten'),
    LeakyReLU: number('LeakyReLU'),
    ELU: number('ELU'),
    Softplus: number('Softplus'),
    Dropout: rate('Dropout'),
    AlphaDropout: rate('AlphaDropout'),
    Softmax: alongLast('Softmax'),
    LogSoftmax: alongLast('LogSoftmax'),
    Hardtanh: numbers.map((max) => part(`Hardtanh(-1, ${max})`, width, () => new nn.Hardtanh(-1, max))),
    PReLU: fc
      .constantFrom(1, width)
      .map((count) => part(`PReLU(${count})`, width, () => new nn.PReLU(count))),
    Standardize: fc.constant(part(`Standardize(${width})`, width, () => new nn.Standardize(width))),
    BatchNorm1d: fc
      .record({
        eps,
        momentum: fc.constantFrom(0.1, 0.5, null),
        affine: fc.boolean(),
        // Without running statistics a row's prediction depends on its batch.
        trackRunningStats: fc.constant(true),
      })
      .map((options) =>
        part(
          `BatchNorm1d(${width}, ${JSON.stringify(options)})`,
          width,
          () => new nn.BatchNorm1d(width, options),
        ),
      ),
    LayerNorm: fc
      .record({ eps, elementwiseAffine: fc.boolean(), bias: fc.boolean() })
      .map((options) =>
        part(
          `LayerNorm(${width}, ${JSON.stringify(options)})`,
          width,
          () => new nn.LayerNorm(width, options),
        ),
      ),
    RMSNorm: fc
      .record({ eps, elementwiseAffine: fc.boolean() })
      .map((options) =>
        part(`RMSNorm(${width}, ${JSON.stringify(options)})`, width, () => new nn.RMSNorm(width, options)),
      ),
  };
}

const linear = (from: number, to: number, bias = true): Part =>
  part(`Linear(${from}, ${to}, ${bias})`, to, () => new nn.Linear(from, to, { bias }));

function sequential(parts: readonly Part[], width: number): Part {
  const code = `Sequential(${parts.map((one) => one.code).join(', ')})`;
  return part(code, parts.at(-1)?.width ?? width, () => new nn.Sequential(...parts.map((one) => one.make())));
}

/** Layers one after the other, from [batch, width]. */
function stack(width: number, depth: number, without: readonly string[]): fc.Arbitrary<Part[]> {
  const layer = (from: number): fc.Arbitrary<Part> => {
    const choices = Object.entries(keeping(from))
      .filter(([name]) => !without.includes(name))
      .map(([, arbitrary]) => arbitrary);
    const kinds = [
      fc.oneof(...choices),
      fc.tuple(fc.integer({ min: 1, max: 9 }), fc.boolean()).map(([to, bias]) => linear(from, to, bias)),
    ];
    if (depth > 0) {
      const inside = stack(from, depth - 1, without);
      kinds.push(inside.map((parts) => sequential(parts, from)));
      if (!without.includes('Residual')) {
        kinds.push(
          inside.map((parts) => {
            const inner = sequential([...parts, linear(parts.at(-1)?.width ?? from, from)], from);
            return part(`Residual(${inner.code})`, from, () => new nn.Residual(inner.make()));
          }),
        );
      }
      if (!without.includes('Concat')) {
        kinds.push(
          fc.array(inside, { minLength: 1, maxLength: 3 }).map((all) => {
            const branches = all.map((parts) => sequential(parts, from));
            const total = branches.reduce((sum, branch) => sum + branch.width, 0);
            return part(`Concat(${branches.map((branch) => branch.code).join(', ')})`, total, () => {
              return new nn.Concat(...branches.map((branch) => branch.make()));
            });
          }),
        );
      }
    }
    return fc.oneof(...kinds);
  };
  const more = (parts: readonly Part[], left: number): fc.Arbitrary<Part[]> =>
    left === 0
      ? fc.constant([...parts])
      : layer(parts.at(-1)?.width ?? width).chain((next) => more([...parts, next], left - 1));
  return fc.integer({ min: depth === 2 ? 1 : 0, max: 3 }).chain((count) => more([], count));
}

/** Models of random layers with random numbers in all their parameters and buffers. */
export function architectures({ without = [] }: ArchitectureOptions = {}): fc.Arbitrary<Sample> {
  const word = fc.integer({ min: 0, max: 2 ** 31 });
  const head = without.includes('Embedding')
    ? fc.constant(undefined)
    : fc.option(
        fc.record({
          count: fc.integer({ min: 2, max: 6 }),
          dim: fc.integer({ min: 1, max: 3 }),
          pad: fc.boolean(),
        }),
        { nil: undefined, freq: 4 },
      );
  return fc.tuple(fc.integer({ min: 1, max: 8 }), head, word).chain(([width, embedding, seed]) => {
    const first = embedding ? width * embedding.dim : width;
    return stack(first, 2, without).map((parts) => {
      const all = [...parts];
      if (embedding) {
        const { count, dim, pad } = embedding;
        const options = pad ? { paddingIdx: 1 } : {};
        all.unshift(
          part(`Embedding(${count}, ${dim}, ${JSON.stringify(options)})`, first, () => {
            return new nn.Embedding(count, dim, options);
          }),
          part('Flatten()', first, () => new nn.Flatten()),
        );
      }
      const whole = sequential(all, width);
      const draw = random(seed);
      const rows = Array.from({ length: 3 }, () =>
        Array.from({ length: width }, () =>
          embedding ? Math.floor(draw() * embedding.count) : Math.fround(draw() * 4 - 2),
        ),
      );
      return {
        code: `${whole.code} from ${width}, seed ${seed}`,
        make: () => filled(whole.make(), seed),
        rows,
      };
    });
  });
}

/** Random numbers in every parameter and buffer: what a buffer holds at first may be lost unseen. */
export function filled<M extends nn.Module>(model: M, seed: number): M {
  manualSeed(seed);
  const draw = random(seed + 1);
  const state = Object.entries(model.stateDict()).map(([name, { shape, data }]) => {
    const values = data.map(() =>
      name.endsWith('numBatchesTracked')
        ? Math.floor(draw() * 1000)
        : /Var$|scale$/.test(name)
          ? draw() + 0.25
          : draw() * 2 - 1,
    );
    return [name, tensor(values, { shape })] as const;
  });
  model.loadStateDict(Object.fromEntries(state));
  return model;
}

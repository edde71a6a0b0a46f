import { FLAG_ACCUMULATE, FUNCTION_SHIFT, Norm, Opcode } from '../../../assembly/opcodes.js';
import { gradientOf } from '../backward.js';
import { formatShape, sameShape, sizeOf, type Shape } from '../layout.js';
import type { Operation } from '../tape.js';
import type { Value } from '../value.js';
import { noteWrite } from '../writes.js';

/** What NORMALIZE sees: [outer, groups, inner], where one index in the middle makes a group. */
type View = readonly [outer: number, groups: number, inner: number];

/** Statistics that follow those of the batches: s ← (1 − momentum) · s + momentum · statistic. */
export interface Running {
  /** [features] */
  readonly mean: Value;
  /** [features], of the unbiased variances */
  readonly variance: Value;
  /** [], the number of batches seen */
  readonly count: Value;
  /** null: the mean over all batches, 1 / count. */
  readonly momentum: number | null;
}

export interface NormOptions {
  /** Added to the variance. */
  readonly eps: number;
  /** The last dimensions, which are normalised together (LayerNorm, RMSNorm). */
  readonly normalizedShape?: Shape;
  /** Updated in place, also by a replay (BatchNorm1d). */
  readonly running?: Running;
}

function normalization(
  name: string,
  fn: Norm,
  view: (x: Shape, options: NormOptions) => View,
): Operation<NormOptions> {
  return {
    name,
    shape([x], options) {
      view(x.shape, options);
      return x.shape;
    },
    forward(tape, { addresses, output, shape, options, saved }) {
      const [outer, groups, inner] = view(shape, options);
      const moments = tape.floats(3 * groups);
      saved.push(moments);
      tape.program.append(
        Opcode.NORMALIZE,
        fn << FUNCTION_SHIFT,
        [output, addresses[0], moments],
        [outer, groups, inner],
        [options.eps],
      );
      const { running } = options;
      if (!running) return;
      const count = tape.address(running.count, name);
      tape.fill(count, 1, 1, FLAG_ACCUMULATE);
      noteWrite(count, 1);
      const n = outer * inner;
      const parts = [
        [running.mean, moments, 1],
        [running.variance, moments + groups * 4, n / (n - 1)],
      ] as const;
      for (const [buffer, statistic, scale] of parts) {
        const pointer = tape.address(buffer, name);
        tape.program.append(
          Opcode.BLEND,
          0,
          [pointer, statistic, running.momentum === null ? count : 0],
          [groups],
          [running.momentum ?? 0, scale],
        );
        noteWrite(pointer, groups);
      }
    },
    backward(tape, call) {
      const dx = gradientOf(tape, call, 0);
      if (!dx) return;
      tape.program.append(
        Opcode.NORMALIZE_GRADIENT,
        dx.flags | (fn << FUNCTION_SHIFT),
        [dx.pointer, call.outputGradient, call.output, call.saved[0]],
        view(call.shape, call.options),
      );
    },
  };
}

function lastDimensions(name: string): (x: Shape, options: NormOptions) => View {
  return (x, { normalizedShape: last = [] }) => {
    const kept = x.length - last.length;
    if (kept < 0 || !sameShape(x.slice(kept), last)) {
      throw new RangeError(`${name}: expected x […, ${last.join(', ')}], got ${formatShape(x)}`);
    }
    return [1, sizeOf(x.slice(0, kept)), sizeOf(last)];
  };
}

/** (x − mean) / √(variance + eps) over the last dimensions. */
export const layerNorm = normalization('LayerNorm', Norm.CENTRED, lastDimensions('LayerNorm'));
/** x / √(mean(x²) + eps) over the last dimensions. */
export const rmsNorm = normalization('RMSNorm', Norm.RMS, lastDimensions('RMSNorm'));
/** (x − mean) / √(variance + eps) of each feature: x [batch, features] or [batch, features, length]. */
export const batchNorm = normalization('BatchNorm1d', Norm.CENTRED, (x) => {
  const [batch, features, length = 1] = x;
  if (batch * length === 1) {
    throw new RangeError(
      `BatchNorm1d: expected more than one value of each feature in training, got x ${formatShape(x)}; ` +
        'a DataLoader leaves a partial last batch out with dropLast: true',
    );
  }
  return [batch, features, length];
});

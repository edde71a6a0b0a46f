import { FLAG_DECOUPLED, FLAG_MAXIMIZE, FLAG_NESTEROV, STATE_BYTES, Update } from '../opcodes';
import { exp64, loadUpTo, madd, storeUpTo } from '../simd';

// options: {f32 lr, f32 weightDecay, f64 lr, f64 weightDecay, f64 first, second, third, fourth}. Float32 is for those who
// take a step of SGD beside their own work; the rest is computed in float64 once, and rounded.

/** −lr of these options. */
// @ts-ignore: decorator
@inline
export function rateOf(options: usize): v128 {
  return f32x4.neg(v128.load32_splat(options));
}

/** Whether these options have a weight decay. */
// @ts-ignore: decorator
@inline
export function decays(options: usize): bool {
  return load<f32>(options, 4) != 0;
}

/** The gradient g with the L2 penalty of these options, g + weightDecay · p. */
// @ts-ignore: decorator
@inline
export function withDecay(g: v128, p: v128, options: usize): v128 {
  return madd(v128.load32_splat(options, 4), p, g);
}

/** One step along −direction: p + rate · direction, with rate = −lr. */
// @ts-ignore: decorator
@inline
export function descend(p: v128, direction: v128, rate: v128): v128 {
  return madd(rate, direction, p);
}

/** ln 0.96, of NAdam's momentum. */
const LN_096: f64 = -0.040821994520255166;

/** A number between 0 and 1 to a whole power, by squaring. */
function wholePower(base: f64, exponent: u64): f64 {
  let result: f64 = 1;
  for (; exponent != 0; exponent >>= 1) {
    if (exponent & 1) result *= base;
    base *= base;
  }
  return result;
}

/** NAdam's momentum of step t: beta1 · (1 − 0.96^(t · momentumDecay) / 2). */
function momentumOf(options: usize, t: f64): f64 {
  return load<f64>(options, 24) * (1 - 0.5 * exp64(t * load<f64>(options, 48) * LN_096));
}

/** One more step, or several; with `options` those of NAdam, whose momenta are multiplied up. */
export function count(state: usize, by: i32, options: usize): void {
  const steps = load<u64>(state) + <u64>(<u32>by);
  store<u64>(state, steps);
  if (options != 0) store<f64>(state, load<f64>(state, 8) * momentumOf(options, <f64>steps), 8);
}

// @ts-ignore: decorator
@inline
function splat(x: f64): v128 {
  return f32x4.splat(<f32>x);
}

/** a / b, and 0 where a is 0: nothing to go by is no step, also without an eps. NaN stays NaN. */
// @ts-ignore: decorator
@inline
function over(a: v128, b: v128): v128 {
  return v128.andnot(f32x4.div(a, b), f32x4.eq(a, f32x4.splat(0)));
}

/** keep · old + fresh · new, which is stored in the place of the old. */
// @ts-ignore: decorator
@inline
function blend(buffer: usize, keep: v128, fresh: v128, value: v128, left: i32): v128 {
  const mean = madd(keep, loadUpTo(buffer, left), f32x4.mul(fresh, value));
  storeUpTo(buffer, mean, left);
  return mean;
}

/**
 * One step for up to four elements. Inlined where `left` is known to be 4 and once more for the tail: with the tail's calls in
 * the loop, vectors are kept in memory instead of registers, and a step of Adam takes a seventh more.
 */
// @ts-ignore: decorator
@inline
function move(
  left: i32, at: usize, fn: i32, flags: i32, parameter: usize, gradient: usize, state: usize, options: usize, second: usize,
  third: usize, steps: u64, decay: bool, sign: v128, shrink: v128, rate: v128, gradientRate: v128, root: v128,
  keep1: v128, keep2: v128, fresh1: v128, fresh2: v128, eps: v128,
): void {
  const first = state + STATE_BYTES + at;
  let p = loadUpTo(parameter + at, left);
  let g = v128.xor(loadUpTo(gradient + at, left), sign);
  if (decay) {
    if (flags & FLAG_DECOUPLED) p = f32x4.mul(p, shrink);
    else g = withDecay(g, p, options);
  }
  switch (fn) {
    case Update.SGD: {
      if (state != 0) {
        let b = g;
        if (steps != 0) b = blend(first, keep1, fresh2, g, left);
        else storeUpTo(first, g, left);
        g = flags & FLAG_NESTEROV ? madd(keep1, b, g) : b;
      }
      break;
    }
    case Update.ADAM:
    case Update.NADAM: {
      let direction = f32x4.mul(rate, blend(first, keep1, fresh1, g, left));
      let v = blend(second + at, keep2, fresh2, f32x4.mul(g, g), left);
      if (third != 0) {
        v = f32x4.max(v, loadUpTo(third + at, left));
        storeUpTo(third + at, v, left);
      }
      if (fn == Update.NADAM) direction = madd(gradientRate, g, direction);
      p = f32x4.add(p, over(direction, madd(root, f32x4.sqrt(v), eps)));
      storeUpTo(parameter + at, p, left);
      return;
    }
    case Update.RMSPROP: {
      let v = blend(first, keep2, fresh2, f32x4.mul(g, g), left);
      if (second != 0) {
        const mean = blend(second + at, keep2, fresh2, g, left);
        // Rounding may take more away than there is.
        v = f32x4.max(f32x4.splat(0), f32x4.sub(v, f32x4.mul(mean, mean)));
      }
      g = over(g, f32x4.add(f32x4.sqrt(v), eps));
      if (third != 0) g = blend(third + at, keep1, f32x4.splat(1), g, left);
      break;
    }
    case Update.ADAGRAD: {
      const one = f32x4.splat(1);
      const sum = blend(first, one, one, f32x4.mul(g, g), left);
      g = over(g, f32x4.add(f32x4.sqrt(sum), eps));
      break;
    }
    case Update.ADADELTA: {
      const v = blend(first, keep2, fresh2, f32x4.mul(g, g), left);
      const u = loadUpTo(second + at, left);
      g = f32x4.mul(over(f32x4.sqrt(f32x4.add(u, eps)), f32x4.sqrt(f32x4.add(v, eps))), g);
      blend(second + at, keep2, fresh2, f32x4.mul(g, g), left);
      break;
    }
    case Update.LION: {
      const m = loadUpTo(first, left);
      const c = madd(keep1, m, f32x4.mul(fresh1, g));
      blend(first, keep2, fresh2, g, left);
      // The sign.
      g = over(c, f32x4.abs(c));
      break;
    }
  }
  storeUpTo(parameter + at, descend(p, g, rate), left);
}

/** One step of an optimizer for elements [begin, end); src/optim has the formulas, opcodes.ts the operands. */
export function update(
  fn: i32, flags: i32, parameter: usize, gradient: usize, state: usize, options: usize, second: usize, third: usize,
  begin: i32, end: i32,
): void {
  const lr = load<f64>(options, 8);
  const keep1 = splat(load<f64>(options, 24));
  const keep2 = splat(load<f64>(options, 32));
  const fresh1 = splat(1 - load<f64>(options, 24));
  const fresh2 = splat(1 - load<f64>(options, 32));
  const eps = splat(load<f64>(options, 40));
  const steps: u64 = state != 0 ? load<u64>(state) : 0;
  let rate = rateOf(options);
  let gradientRate = rate;
  let root = rate;
  if (fn == Update.ADAM || fn == Update.NADAM) {
    root = splat(1 / sqrt(1 - wholePower(load<f64>(options, 32), steps + 1)));
    if (fn == Update.ADAM) rate = splat(-lr / (1 - wholePower(load<f64>(options, 24), steps + 1)));
    else {
      const mu = momentumOf(options, <f64>(steps + 1));
      const next = momentumOf(options, <f64>(steps + 2));
      const product = load<f64>(state, 8) * mu;
      gradientRate = splat((-lr * (1 - mu)) / (1 - product));
      rate = splat((-lr * next) / (1 - product * next));
    }
  } else if (fn == Update.ADAGRAD) rate = splat(-lr / (1 + <f64>steps * load<f64>(options, 24)));
  const decay = decays(options);
  const shrink = splat(1 - lr * load<f64>(options, 16));
  const sign = flags & FLAG_MAXIMIZE ? f32x4.splat(-0.0) : f32x4.splat(0);
  let i = begin;
  for (; i + 4 <= end; i += 4) {
    move(
      4, <usize>i << 2, fn, flags, parameter, gradient, state, options, second, third, steps, decay, sign, shrink, rate, gradientRate,
      root, keep1, keep2, fresh1, fresh2, eps,
    );
  }
  if (i == end) return;
  move(
    end - i, <usize>i << 2, fn, flags, parameter, gradient, state, options, second, third, steps, decay, sign, shrink, rate, gradientRate,
    root, keep1, keep2, fresh1, fresh2, eps,
  );
}

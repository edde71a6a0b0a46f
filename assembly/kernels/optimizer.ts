import { loadUpTo, madd, storeUpTo } from '../simd';

// options: {f32 lr, momentum, dampening, weightDecay}

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
  return load<f32>(options, 12) != 0;
}

/** The gradient g with the L2 penalty of these options, g + weightDecay · p. */
// @ts-ignore: decorator
@inline
export function withDecay(g: v128, p: v128, options: usize): v128 {
  return madd(v128.load32_splat(options, 12), p, g);
}

/** One step along −direction: p + rate · direction, with rate = −lr. */
// @ts-ignore: decorator
@inline
export function descend(p: v128, direction: v128, rate: v128): v128 {
  return madd(rate, direction, p);
}

/**
 * PyTorch's SGD in place for elements [begin, end): g = gradient + weightDecay · p;
 * b = momentum · b + (1 − dampening) · g, or g where it is the first step; p −= lr · (nesterov ? g + momentum · b : b).
 * `buffer` is 0 without momentum.
 */
export function sgd(
  parameter: usize, gradient: usize, buffer: usize, options: usize, steps: usize, nesterov: bool, begin: i32, end: i32,
): void {
  const rate = rateOf(options);
  const momentum = v128.load32_splat(options, 4);
  const fresh = f32x4.splat(1 - load<f32>(options, 8));
  const decay = decays(options);
  const first = steps != 0 && load<u64>(steps) == 0;
  for (let i = begin; i < end; i += 4) {
    const at = <usize>i << 2;
    const left = end - i;
    const p = loadUpTo(parameter + at, left);
    let g = loadUpTo(gradient + at, left);
    if (decay) g = withDecay(g, p, options);
    if (buffer != 0) {
      const b = first ? g : madd(momentum, loadUpTo(buffer + at, left), f32x4.mul(fresh, g));
      storeUpTo(buffer + at, b, left);
      g = nesterov ? madd(momentum, b, g) : b;
    }
    storeUpTo(parameter + at, descend(p, g, rate), left);
  }
}

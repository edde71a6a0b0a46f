import { loadUpTo, madd, storeUpTo } from '../simd';

/**
 * PyTorch's SGD in place for elements [begin, end): g = gradient + weightDecay · p;
 * b = momentum · b + (1 − dampening) · g, or g where it is the first step; p −= lr · (nesterov ? g + momentum · b : b).
 * options: {f32 lr, momentum, dampening, weightDecay}; `buffer` is 0 without momentum.
 */
export function sgd(
  parameter: usize, gradient: usize, buffer: usize, options: usize, steps: usize, nesterov: bool, begin: i32, end: i32,
): void {
  const minusLr = f32x4.splat(-load<f32>(options));
  const momentum = f32x4.splat(load<f32>(options, 4));
  const fresh = f32x4.splat(1 - load<f32>(options, 8));
  const decay = load<f32>(options, 12);
  const weightDecay = f32x4.splat(decay);
  const first = steps != 0 && load<u64>(steps) == 0;
  for (let i = begin; i < end; i += 4) {
    const at = <usize>i << 2;
    const left = end - i;
    const p = loadUpTo(parameter + at, left);
    let g = loadUpTo(gradient + at, left);
    if (decay != 0) g = madd(weightDecay, p, g);
    if (buffer != 0) {
      const b = first ? g : madd(momentum, loadUpTo(buffer + at, left), f32x4.mul(fresh, g));
      storeUpTo(buffer + at, b, left);
      g = nesterov ? madd(momentum, b, g) : b;
    }
    storeUpTo(parameter + at, madd(minusLr, g, p), left);
  }
}

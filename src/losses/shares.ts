import type { Tensor } from '../tensor/tensor.js';

/**
 * Weights as shares, none above `scale` in size, and what they are shares of but for a constant factor. Both come of a power
 * of two, which keeps the bits; and with shares products overflow nowhere where the mean does not.
 */
export function sharesOf(weights: Tensor, scale: number): [shares: Tensor, unit: Tensor] {
  const fixed = weights.requiresGrad ? weights.detach() : weights;
  // The power of two in a number (Rump, "Ultimately fast accurate summation", 2009), times 2⁻²⁶, as it must not overflow on the way.
  const most = fixed
    .abs()
    .max()
    .clamp(2 ** -100)
    .mul((2 ** 23 + 1) * 2 ** -26);
  const unit = most.sub(most.mul(1 - 2 ** -24));
  return [weights.div(unit).mul(scale * 2 ** -27), unit];
}

import { cosPi } from '../../core/elementary.js';

/** The number at this share of the way, exactly `from` at 0 and `to` at 1, and never outside of them. */
export function between(from: number, to: number, share: number): number {
  const value = from * (1 - share) + to * share;
  // Rounding may leave the way.
  return Math.min(Math.max(from, to), Math.max(Math.min(from, to), value));
}

/** The share of the way that half a cosine has done where a straight line has done `share`. */
export function halfCosine(share: number): number {
  return (1 - cosPi(share)) / 2;
}

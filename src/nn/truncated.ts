import { logOfShare } from '../core/elementary.js';
import type { Generator } from '../core/random.js';

/**
 * A normal number in [a, b], up to rounding. Every way keeps what it draws with a probability of more than 0.2, wherever
 * the interval lies and however narrow it is.
 */
export function truncated(random: Generator, mean: number, std: number, a: number, b: number): number {
  /** Whether a draw is kept that is to be with probability e⁻ˣ. */
  const kept = (x: number): boolean => -logOfShare(1 - random.uniform()) >= x;
  const near = Math.min(b, Math.max(a, mean));
  const width = (b - a) / std;
  if (near === mean && width > 2) {
    for (;;) {
      const value = random.normal(mean, std);
      if (value >= a && value <= b) return value;
    }
  }
  // In deviations: how far the near end is from the mean.
  const from = Math.abs(near - mean) / std;
  // Robert ("Simulation of truncated normal variables", 1995): distances from the near end, exponential with this rate.
  const ahead = from < 2 ** 30 ? (Math.sqrt(from * from + 4) - from) / 2 : 0;
  const rate = from + ahead;
  if (near !== mean && rate * width >= 1) {
    for (;;) {
      const distance = -logOfShare(1 - random.uniform()) / rate;
      if (distance <= width && kept((distance - ahead) ** 2 / 2)) {
        return near + (near === a ? distance : -distance) * std;
      }
    }
  }
  // A narrow interval, over which the density changes little.
  for (;;) {
    const value = random.uniform(a, b);
    const distance = Math.abs(value - near) / std;
    if (kept(distance * (from + distance / 2))) return value;
  }
}

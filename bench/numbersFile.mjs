// The numbers of a workload as a file, for peers that are not JavaScript.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { nameOf, numbersOf } from './workloads.mjs';

const folder = new URL('../build/bench/numbers/', import.meta.url);
/** @type {Set<string>} */
const written = new Set();

/**
 * Inputs, labels, then weight and bias of each layer: 4 bytes each, little-endian, nothing between them.
 *
 * @param {import('./workloads.mjs').Numbers} numbers
 * @returns {Uint8Array}
 */
export function encodeNumbers({ inputs, labels, weights }) {
  const parts = [inputs, labels, ...weights.flatMap(({ weight, bias }) => [weight, bias])];
  return Buffer.concat(parts.map((part) => Buffer.from(part.buffer, part.byteOffset, part.byteLength)));
}

/**
 * @param {import('./workloads.mjs').Workload} workload
 * @returns {string} where its numbers are
 */
export function numbersFile(workload) {
  const file = new URL(`${nameOf(workload).replaceAll(' ', '')}.bin`, folder);
  // Once in each run, since an older file may hold other numbers.
  if (!written.has(file.href) || !existsSync(file)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, encodeNumbers(numbersOf(workload)));
    written.add(file.href);
  }
  return fileURLToPath(file);
}

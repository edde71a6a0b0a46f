// The tables in examples/data: CSV with a line of names, the last column being what to tell from the others.
import { readFileSync } from 'node:fs';
import { inferSchema, initParser } from 'udsv';

/** @param {string} name */
export function readTable(name) {
  const text = readFileSync(new URL(`data/${name}.csv`, import.meta.url), 'utf8');
  /** @type {number[][]} */
  const rows = initParser(inferSchema(text)).typedArrs(text);
  return { inputs: rows.map((row) => row.slice(0, -1)), targets: rows.map((row) => row.slice(-1)) };
}

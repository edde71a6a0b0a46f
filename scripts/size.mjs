// Prints what a user downloads: `npm run size`.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

/**
 * A file of dist, and the files that it loads before its first line runs.
 *
 * @param {string} file
 * @param {Set<string>} seen
 * @returns {Set<string>}
 */
function loaded(file, seen = new Set()) {
  if (seen.has(file)) return seen;
  seen.add(file);
  const text = readFileSync(new URL(`../dist/${file}`, import.meta.url), 'utf8');
  if (file.endsWith('.wasm')) return seen;
  for (const [, name] of text.matchAll(/(?:from|import)"\.\/([^"]+\.js)"/g))
    loaded(join(dirname(file), name), seen);
  return seen;
}

/**
 * Sizes in kB (1,000 bytes): as it is, and gzipped.
 *
 * @param {string} file
 * @param {Set<string>} without files that are there already
 */
export function sizeOf(file, without = new Set()) {
  const size = { file, raw: 0, gzipped: 0 };
  for (const part of loaded(file)) {
    if (without.has(part)) continue;
    const bytes = readFileSync(new URL(`../dist/${part}`, import.meta.url));
    size.raw += bytes.length / 1000;
    size.gzipped += gzipSync(bytes, { level: 9 }).length / 1000;
  }
  return size;
}

/** The library with both builds of the core inside, and each build by itself. */
export function sizes() {
  const builds = readdirSync(new URL('../dist/wasm', import.meta.url)).map((name) => `wasm/${name}`);
  return ['web/index.js', ...builds].map((file) => sizeOf(file));
}

/** What `wasmgrad/io` adds to the library. */
export const sizeOfIo = () => sizeOf('web/io.js', loaded('web/index.js'));

if (process.argv[1] === new URL(import.meta.url).pathname) {
  for (const { file, raw, gzipped } of [...sizes(), sizeOfIo()]) {
    console.log(
      `${file.padEnd(26)} ${raw.toFixed(1).padStart(6)} kB, gzipped ${gzipped.toFixed(1).padStart(5)} kB`,
    );
  }
}

// Prints what a user downloads: `npm run size`.
import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

/**
 * Sizes in kB (1,000 bytes): as it is, and gzipped.
 *
 * @param {string} file
 */
export function sizeOf(file) {
  const bytes = readFileSync(new URL(`../dist/${file}`, import.meta.url));
  return { file, raw: bytes.length / 1000, gzipped: gzipSync(bytes, { level: 9 }).length / 1000 };
}

/** The library with both builds of the core inside, and each build by itself. */
export function sizes() {
  const builds = readdirSync(new URL('../dist/wasm', import.meta.url)).map((name) => `wasm/${name}`);
  return ['web/index.js', ...builds].map(sizeOf);
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  for (const { file, raw, gzipped } of sizes()) {
    console.log(
      `${file.padEnd(26)} ${raw.toFixed(1).padStart(6)} kB, gzipped ${gzipped.toFixed(1).padStart(5)} kB`,
    );
  }
}

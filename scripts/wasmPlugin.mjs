import { readFileSync } from 'node:fs';
import { deflateRawSync } from 'node:zlib';

const PREFIX = 'wasm:';

/** Ways for which the packed code is not wanted, and what they make of the code. */
const ENCODINGS = {
  '-deflated': (code) => deflateRawSync(code, { level: 9, memLevel: 9 }),
  '-plain': (code) => code,
};

/**
 * A plugin for Rollup and Vite: `import base64 from 'wasm:strict'` gives build/packed/strict.txt; 'wasm:strict-deflated'
 * what hosts inflate by themselves, where what unpacks the former would be no gain; 'wasm:strict-plain' the code as it is.
 */
export function wasmPlugin() {
  return {
    name: 'wasm',
    enforce: 'pre',
    resolveId: (id) => (id.startsWith(PREFIX) ? `\0${id}` : null),
    load(id) {
      if (!id.startsWith(`\0${PREFIX}`)) return null;
      const name = id.slice(PREFIX.length + 1);
      const ending = Object.keys(ENCODINGS).find((encoding) => name.endsWith(encoding));
      if (ending) {
        const code = new URL(`../build/wasm/${name.slice(0, -ending.length)}.wasm`, import.meta.url);
        return `export default ${JSON.stringify(ENCODINGS[ending](readFileSync(code)).toString('base64'))};`;
      }
      const file = new URL(`../build/packed/${name}.txt`, import.meta.url);
      return `export default ${JSON.stringify(readFileSync(file, 'utf8'))};`;
    },
  };
}

import { readFileSync } from 'node:fs';
import { deflateRawSync } from 'node:zlib';

const PREFIX = 'wasm:';

const DEFLATED = '-deflated';

/**
 * A plugin for Rollup and Vite: `import base64 from 'wasm:strict'` gives build/packed/strict.txt, and 'wasm:strict-deflated'
 * what hosts inflate by themselves, where what unpacks the former would be no gain.
 */
export function wasmPlugin() {
  return {
    name: 'wasm',
    enforce: 'pre',
    resolveId: (id) => (id.startsWith(PREFIX) ? `\0${id}` : null),
    load(id) {
      if (!id.startsWith(`\0${PREFIX}`)) return null;
      const name = id.slice(PREFIX.length + 1);
      if (name.endsWith(DEFLATED)) {
        const code = new URL(`../build/wasm/${name.slice(0, -DEFLATED.length)}.wasm`, import.meta.url);
        const deflated = deflateRawSync(readFileSync(code), { level: 9 });
        return `export default ${JSON.stringify(deflated.toString('base64'))};`;
      }
      const file = new URL(`../build/packed/${name}.txt`, import.meta.url);
      return `export default ${JSON.stringify(readFileSync(file, 'utf8'))};`;
    },
  };
}

import { readFileSync } from 'node:fs';

const PREFIX = 'wasm:';

/** A plugin for Rollup and Vite: `import base64 from 'wasm:strict'` gives build/wasm/strict.wasm as base64. */
export function wasmPlugin() {
  return {
    name: 'wasm',
    enforce: 'pre',
    resolveId: (id) => (id.startsWith(PREFIX) ? `\0${id}` : null),
    load(id) {
      if (!id.startsWith(`\0${PREFIX}`)) return null;
      const file = new URL(`../build/wasm/${id.slice(PREFIX.length + 1)}.wasm`, import.meta.url);
      return `export default ${JSON.stringify(readFileSync(file, 'base64'))};`;
    },
  };
}

import { readFileSync } from 'node:fs';

const PREFIX = 'wasm:';

/** A plugin for Rollup and Vite: `import base64 from 'wasm:strict'` gives build/packed/strict.txt. */
export function wasmPlugin() {
  return {
    name: 'wasm',
    enforce: 'pre',
    resolveId: (id) => (id.startsWith(PREFIX) ? `\0${id}` : null),
    load(id) {
      if (!id.startsWith(`\0${PREFIX}`)) return null;
      const file = new URL(`../build/packed/${id.slice(PREFIX.length + 1)}.txt`, import.meta.url);
      return `export default ${JSON.stringify(readFileSync(file, 'utf8'))};`;
    },
  };
}

import { readFileSync } from 'node:fs';
import { deflateRawSync } from 'node:zlib';

const PREFIX = 'wasm:';

const DEFLATED = '-deflated';

/**
 * A plugin for Rollup and Vite: `import base64 from 'wasm:strict'` gives build/wasm/strict.wasm as base64, and
 * 'wasm:strict-deflated' the same deflated: servers compress base64 badly.
 */
export function wasmPlugin() {
  return {
    name: 'wasm',
    enforce: 'pre',
    resolveId: (id) => (id.startsWith(PREFIX) ? `\0${id}` : null),
    load(id) {
      if (!id.startsWith(`\0${PREFIX}`)) return null;
      const deflated = id.endsWith(DEFLATED);
      const name = id.slice(PREFIX.length + 1, deflated ? -DEFLATED.length : undefined);
      const bytes = readFileSync(new URL(`../build/wasm/${name}.wasm`, import.meta.url));
      const kept = deflated ? deflateRawSync(bytes, { level: 9 }) : bytes;
      return `export default ${JSON.stringify(kept.toString('base64'))};`;
    },
  };
}

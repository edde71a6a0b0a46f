import { describe, expect, it } from 'vitest';
import { BUILDS, wasmBytes } from '../support/machine.js';

/** What a core may be made of. A data, global, table or start section would be replayed by every worker thread. */
const ALLOWED = new Map([
  [1, 'type'],
  [2, 'import'],
  [3, 'function'],
  [7, 'export'],
  [10, 'code'],
]);

function sections(bytes: Uint8Array): number[] {
  const ids: number[] = [];
  let at = 8;
  while (at < bytes.length) {
    ids.push(bytes[at++]);
    let size = 0;
    let shift = 0;
    let byte;
    do {
      byte = bytes[at++];
      size |= (byte & 0x7f) << shift;
      shift += 7;
    } while (byte & 0x80);
    at += size;
  }
  return ids;
}

describe.each([...BUILDS, 'infer' as const])('%s.wasm', (build) => {
  it('holds code and nothing that would run or be written at instantiation', () => {
    expect(sections(wasmBytes(build))).toEqual([...ALLOWED.keys()]);
  });

  it('imports memory alone and exports what TypeScript calls', () => {
    const module = new WebAssembly.Module(wasmBytes(build));
    expect(WebAssembly.Module.imports(module)).toEqual([{ module: 'env', name: 'memory', kind: 'memory' }]);
    const threads = build.endsWith('threads') ? ['lead', 'leadSteps', 'serve'] : [];
    const names = WebAssembly.Module.exports(module).map(({ name }) => name);
    const core = [...threads, 'run', 'runSteps', 'scratchBytes'];
    const infer = ['inFeatures', 'outFeatures', 'input', 'run', 'output'];
    expect(names.toSorted()).toEqual((build === 'infer' ? infer : core).toSorted());
  });
});

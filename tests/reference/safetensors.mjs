// Writes toPyTorch.safetensors, lets PyTorch load it, and checks that what PyTorch saves is the same again. It needs PyTorch:
//     node safetensors.mjs [python3]
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tensor } from 'wasmgrad';
import { encodeWeights, loadWeights, saveModel } from 'wasmgrad/io';
import { pytorchNetwork } from '../support/pytorchNetwork.js';

process.chdir(new URL('.', import.meta.url).pathname);
const folder = mkdtempSync(join(tmpdir(), 'wasmgrad-'));

const model = pytorchNetwork();
const numbers = Object.entries(model.stateDict()).map(([name, { shape, size }], i) => {
  const values = Float32Array.from({ length: size }, (_, k) => ((k * 37 + i * 11) % 101) / 100 + 0.1);
  return [name, tensor(name.endsWith('numBatchesTracked') ? Float32Array.of(17) : values, { shape })];
});
model.loadStateDict(Object.fromEntries(numbers));
await saveModel(model, 'toPyTorch.safetensors', { metadata: { made: 'by tests/reference/safetensors.mjs' } });
const back = join(folder, 'back.safetensors');
const { status } = spawnSync(
  process.argv[2] ?? '/usr/bin/python3',
  ['safetensors.py', 'run', 'toPyTorch.safetensors', back, 'toPyTorch.json'],
  { stdio: 'inherit' },
);
if (status !== 0) throw new Error('PyTorch did not load the file');
const again = pytorchNetwork();
await loadWeights(again, back);
const { inputs, outputs } = JSON.parse(readFileSync('toPyTorch.json', 'utf8'));
const ours = again.predict(new Float32Array(inputs.flat()));
const largest = Math.max(...ours.map((value, i) => Math.abs(value - outputs.flat()[i])));
const same = Buffer.compare(encodeWeights(again), encodeWeights(model)) === 0;
console.log(`the same bits after a round trip: ${same}; outputs differ by ${largest} at most`);
rmSync(folder, { recursive: true });
if (!same || !(largest < 1e-5)) process.exit(1);

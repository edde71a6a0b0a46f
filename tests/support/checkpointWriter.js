// Writes checkpoints until it is killed: the n-th holds n everywhere, and n is printed once it is there.
// node checkpointWriter.js <path> <n of the last one>
import { writeSync } from 'node:fs';
import { nn } from 'wasmgrad';
import { saveCheckpoint } from 'wasmgrad/io';

const [, , path, last] = process.argv;
const model = new nn.Linear(200, 200);
for (let n = Number(last) + 1; ; n++) {
  model.loadStateDict({
    weight: new Float32Array(200 * 200).fill(n),
    bias: new Float32Array(200).fill(n),
  });
  await saveCheckpoint({ model, extra: n }, path);
  writeSync(1, `${n}\n`);
}

// Makes digits.bin, the weights that predict.js holds: `node examples/edge/train.js`, a few seconds.
import { writeFileSync } from 'node:fs';
import { data, evaluate, fit, manualSeed, nn, optim } from 'wasmgrad';
import { loadDigits } from '../mnist.js';

manualSeed(0);
const [train, test] = data.trainTestSplit(loadDigits(), { testSize: 2000, seed: 0 });
const loader = new data.DataLoader(train, { batchSize: 16, shuffle: true, seed: 0 });
const hidden = new nn.Linear(784, 128);
const last = new nn.Linear(128, 10);
const model = new nn.Sequential(hidden, new nn.ReLU(), last);
const loss = new nn.CrossEntropyLoss();
const optimizer = new optim.SGD(model.parameters(), { lr: 0.01, momentum: 0.9 });
await fit(model, { data: loader, loss, optimizer, epochs: 20 });

const { accuracy } = await evaluate(model, new data.DataLoader(test, { batchSize: 250 }), {
  loss,
  metrics: ['accuracy'],
});
const file = new URL('digits.bin', import.meta.url);
// [in, out], as DigitReader multiplies by them.
const weights = Float32Array.from(
  [hidden, last].flatMap(({ weight, bias }) => [...weight.transpose().data, ...(bias?.data ?? [])]),
);
writeFileSync(file, weights);
console.log(`${file.pathname}: ${weights.byteLength} bytes, test accuracy ${accuracy.toFixed(4)}`);

// Trains a network on real handwritten digits and shows what it learnt: `npm start`, or `npm start -- --seed 7`.
import { parseArgs } from 'node:util';
import { data, evaluate, fit, manualSeed, nn, optim, runtimeInfo } from 'wasmgrad';
import { draw, loadDigits, sideBySide, SIDE } from './mnist.js';

const { values: options } = parseArgs({ options: { seed: { type: 'string', default: '0' } } });
const seed = Number(options.seed);
manualSeed(seed);

const [train, test] = data.trainTestSplit(loadDigits(), { testSize: 2000, seed });
const trainLoader = new data.DataLoader(train, { batchSize: 16, shuffle: true, seed });
const testLoader = new data.DataLoader(test, { batchSize: 250 });

const model = new nn.Sequential(new nn.Linear(784, 128), new nn.ReLU(), new nn.Linear(128, 10));
const loss = new nn.CrossEntropyLoss();
const optimizer = new optim.SGD(model.parameters(), { lr: 0.01, momentum: 0.9 });
const epochs = 20;

console.log(`784-128-10 on ${train.length} digits, ${epochs} epochs, ${runtimeInfo().build} build`);
const history = await fit(model, {
  data: trainLoader,
  loss,
  optimizer,
  epochs,
  onEpoch({ epoch, loss: value, seconds }) {
    // A terminal has the progress bar.
    if (process.stderr.isTTY) return;
    const rate = Math.round(trainLoader.rows / seconds);
    console.log(`epoch ${epoch}/${epochs}: loss ${value.toFixed(4)}, ${rate} digits/s`);
  },
});
const seconds = history.epochs.reduce((sum, epoch) => sum + epoch.seconds, 0);

const [inputs, labels] = test.batch(Array.from({ length: test.length }, (_, row) => row));
const probabilities = /** @type {number[][]} */ (model.predict(inputs));
const digits = probabilities.map((row, i) => {
  const guess = row.indexOf(Math.max(...row));
  return { index: i, label: labels.data[i], guess, certainty: row[guess] };
});

console.log('\nconfusion matrix: a row for each digit, a column for each answer\n');
const counts = Array.from({ length: 10 }, () => new Array(10).fill(0));
for (const { label, guess } of digits) counts[label][guess]++;
const line = (/** @type {unknown[]} */ cells) => cells.map((cell) => String(cell).padStart(5)).join('');
console.log(line(['', ...counts.keys()]));
counts.forEach((row, digit) => console.log(line([digit, ...row.map((count) => count || '·')])));

const right = digits.filter(({ label, guess }) => label === guess);
const wrong = digits.filter(({ label, guess }) => label !== guess);
for (const [title, some] of /** @type {const} */ ([
  ['read right', right],
  ['read wrong', wrong],
])) {
  console.log(`\n${title}:\n`);
  const shown = some.slice(0, 3).map(({ index, label, guess, certainty }) => {
    const answer = `${guess}, ${(certainty * 100).toFixed(1)} % sure`;
    const caption = label === guess ? answer : `${answer} (is ${label})`;
    return [...draw(inputs.data.subarray(index * SIDE ** 2)), caption.padEnd(20)];
  });
  console.log(sideBySide(shown).join('\n'));
}

const { accuracy } = await evaluate(model, testLoader, { loss, metrics: ['accuracy'] });
console.log(`\ntraining took ${seconds.toFixed(1)} s`);
console.log(`test accuracy: ${accuracy.toFixed(4)}`);

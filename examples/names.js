// Learns how names go on, letter by letter, and makes up new ones (Bengio and others, 2003: the letters before are looked
// up in an embedding). One name in ten is kept to test on.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { data, evaluate, fit, manualSeed, nn, optim } from 'wasmgrad';

const { values: options } = parseArgs({ options: { seed: { type: 'string', default: '0' } } });
const seed = Number(options.seed);
manualSeed(seed);

/** So many letters before the next one are seen. */
const CONTEXT = 4;
const LETTERS = '.abcdefghijklmnopqrstuvwxyz'; // The full stop ends a name, and fills the place before it.

/** A row for each letter of each name, and for its end: the letters before, and the letter. */
function lettersOf(/** @type {string[]} */ names) {
  const rows = names.flatMap((name) =>
    [...name, '.'].map((next, i) => [
      ...Array.from({ length: CONTEXT }, (_, k) => LETTERS.indexOf(name[i - CONTEXT + k] ?? '.')),
      LETTERS.indexOf(next),
    ]),
  );
  return new data.TensorDataset(
    rows.map((row) => row.slice(0, CONTEXT)),
    rows.map((row) => row[CONTEXT]),
  );
}

const names = readFileSync(new URL('data/names.txt', import.meta.url), 'utf8')
  .trim()
  .split('\n');
const train = lettersOf(names.filter((_, i) => i % 10 !== 0));
const test = lettersOf(names.filter((_, i) => i % 10 === 0));

const model = new nn.Sequential(
  new nn.Embedding(LETTERS.length, 16),
  new nn.Flatten(),
  new nn.Linear(16 * CONTEXT, 128),
  new nn.Tanh(),
  new nn.Linear(128, LETTERS.length),
);
const loader = new data.DataLoader(train, { batchSize: 128, shuffle: true, seed });
const optimizer = new optim.Adam(model.parameters());
const epochs = 10;
const scheduler = new optim.OneCycleLR(optimizer, { maxLr: 0.005, epochs, stepsPerEpoch: loader.length });
const loss = new nn.CrossEntropyLoss();
await fit(model, { data: loader, loss, optimizer, epochs, schedule: { scheduler, every: 'batch' } });

/** Draws letter after letter, each with the probability that the model gives it. */
function makeUp() {
  let name = '';
  for (;;) {
    const before = name.padStart(CONTEXT, '.').slice(-CONTEXT);
    const probabilities = /** @type {number[]} */ (
      model.predict([...before].map((letter) => LETTERS.indexOf(letter)))
    );
    const [next] = new data.WeightedRandomSampler(probabilities, { numSamples: 1 }).order();
    if (next === 0) return name;
    name += LETTERS[next];
  }
}
console.log(`made up: ${Array.from({ length: 12 }, makeUp).join(', ')}`);

const { loss: held } = await evaluate(model, new data.DataLoader(test, { batchSize: 1024 }), { loss });
console.log(`test loss in nats a letter: ${held.toFixed(4)} (PyTorch: 1.9896)`);

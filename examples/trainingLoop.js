// A training loop, spelled out: a small network learns XOR.
import { manualSeed, nn, optim, tensor } from 'wasmgrad';

manualSeed(1);
const rows = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
];
const inputs = tensor(rows);
const labels = tensor([0, 1, 1, 0]);

const model = new nn.Sequential(new nn.Linear(2, 8), new nn.Tanh(), new nn.Linear(8, 2));
const optimizer = new optim.SGD(model.parameters(), { lr: 0.5, momentum: 0.9 });
const crossEntropy = new nn.CrossEntropyLoss();

for (let epoch = 1; epoch <= 200; epoch++) {
  optimizer.zeroGrad();
  const loss = crossEntropy.forward(model.forward(inputs), labels);
  loss.backward();
  optimizer.step();
  if (epoch % 50 === 0) console.log(`epoch ${epoch}: loss ${loss.item().toFixed(4)}`);
}

const outputs = /** @type {number[][]} */ (model.predict(rows));
rows.forEach(([a, b], i) => console.log(`${a} xor ${b} = ${outputs[i][1] > outputs[i][0] ? 1 : 0}`));

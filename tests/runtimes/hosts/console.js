import { nn, tensor } from 'wasmgrad';

const weight = new nn.Parameter([
  [1, 2],
  [3, 4],
]);
weight.mul(2).sum().backward();
console.log(weight);
console.log({ inner: tensor([0.5]) });
console.log(`${tensor(0.5)} ${1 + tensor([2])}`);

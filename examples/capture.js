// Any function of tensors can be recorded once and replayed: here a line is fitted with a loss of our own.
import { capture, optim, tensor } from 'wasmgrad';

const slope = tensor(0, { requiresGrad: true });
const offset = tensor(0, { requiresGrad: true });
const optimizer = new optim.SGD([slope, offset], { lr: 0.05 });

const step = capture((x, y) => {
  optimizer.zeroGrad();
  const error = x.mul(slope).add(offset).sub(y);
  // Huber's idea, smooth: quadratic near 0, linear further out.
  const loss = error.square().add(1).sqrt().mean();
  loss.backward();
  optimizer.step();
  return loss;
});

const xs = Array.from({ length: 64 }, (_, i) => (i % 16) / 4 - 2);
for (let i = 0; i < 4000; i++) {
  const loss = step(tensor(xs), tensor(xs.map((x) => 2 * x + 1)));
  if (i % 1000 === 0) console.log(`loss ${loss.item().toFixed(6)}`);
}
console.log(`slope ${slope.item().toFixed(2)}, offset ${offset.item().toFixed(2)}`);

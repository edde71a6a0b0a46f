// The network that reads digits, 784-128-10, and its weights as they lie in digits.bin: float32, one array after the other.
import { nn } from 'wasmgrad';

/**
 * A network whose numbers are known already. Layers such as nn.Linear would draw 100,000 random ones first, which is most of
 * the time that a Worker has to start in.
 */
export class DigitReader extends nn.Module {
  /** @override */
  inFeatures = 784;
  /** predict() gives probabilities. @override @type {import('wasmgrad').nn.OutputKind} */
  output = 'softmax';

  /** @param {ArrayBuffer} bytes of digits.bin */
  constructor(bytes) {
    super();
    let offset = 0;
    const next = (/** @type {number[]} */ ...shape) => {
      const values = new Float32Array(
        bytes,
        4 * offset,
        shape.reduce((a, b) => a * b),
      );
      offset += values.length;
      return new nn.Parameter(values, shape);
    };
    this.hidden = [next(784, 128), next(128)];
    this.last = [next(128, 10), next(10)];
  }

  /** @override @param {import('wasmgrad').Tensor} x */
  forward(x) {
    const [[weight, bias], [lastWeight, lastBias]] = [this.hidden, this.last];
    return x.matmul(weight).add(bias).relu().matmul(lastWeight).add(lastBias);
  }
}

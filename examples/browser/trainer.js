// A network and its training, in slices short enough for a page: all that this demo asks of wasmgrad.
import { capture, data, manualSeed, nn, optim } from './wasmgrad.js';

/** @typedef {{ points: Float32Array, labels: Int32Array }} Points */
/** @typedef {'Tanh' | 'ReLU' | 'GELU' | 'SiLU'} Activation */

export class Trainer {
  epoch = 0;
  steps = 0;
  /** Spent in training steps, in milliseconds. */
  milliseconds = 0;

  /**
   * @param {Points} points what it is trained on
   * @param {{ layers: number, units: number, activation: Activation, lr: number, seed: number }} settings
   */
  constructor({ points, labels }, { layers, units, activation, lr, seed }) {
    manualSeed(seed);
    const widths = [2, ...new Array(layers).fill(units)];
    const hidden = widths
      .slice(1)
      .flatMap((width, i) => [new nn.Linear(widths[i], width), new nn[activation]()]);
    this.model = new nn.Sequential(...hidden, new nn.Linear(units, 2));
    this.model.output = 'softmax'; // predict() gives probabilities
    this.optimizer = new optim.Adam(this.model.parameters(), { lr });

    const dataset = new data.TensorDataset({ data: points, shape: [labels.length, 2] }, labels);
    this.loader = new data.DataLoader(dataset, { batchSize: 32, shuffle: true, seed });

    const crossEntropy = new nn.CrossEntropyLoss();
    // Recorded at the first call, replayed in WebAssembly from then on.
    this.step = capture((inputs, targets) => {
      this.optimizer.zeroGrad();
      const loss = crossEntropy.forward(this.model.forward(inputs), targets);
      loss.backward();
      this.optimizer.step();
      return loss;
    });
  }

  get parameters() {
    return this.model.parameters().reduce((sum, { size }) => sum + size, 0);
  }

  /**
   * Trains that many epochs, or fewer where the time is up before; one at least.
   *
   * @param {number} epochs
   * @param {number} deadline on the clock of performance.now()
   * @returns the mean loss of the last epoch
   */
  train(epochs, deadline) {
    const began = performance.now();
    let loss = NaN;
    for (let i = 0; i < epochs && (i === 0 || performance.now() < deadline); i++) {
      let sum = 0;
      for (const [inputs, targets] of this.loader) sum += this.step(inputs, targets).item() * inputs.shape[0];
      loss = sum / this.loader.rows;
      this.epoch++;
      this.steps += this.loader.length;
    }
    this.milliseconds += performance.now() - began;
    return loss;
  }

  /** Loss and accuracy on points it was not trained on. */
  test(/** @type {Points} */ { points, labels }) {
    const probabilities = this.model.predict(points);
    let loss = 0;
    let right = 0;
    labels.forEach((label, i) => {
      const probability = probabilities[2 * i + label];
      loss -= Math.log(Math.max(probability, 1e-30)) / labels.length;
      if (probability > 0.5) right++;
    });
    return { loss, accuracy: right / labels.length };
  }
}

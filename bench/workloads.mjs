// What is measured: networks and batch sizes, and the numbers that every peer gets.

/** @typedef {{ layers: number[], batch: number }} Workload */

/** @type {Workload[]} */
export const STEPS = [
  { layers: [2, 16, 2], batch: 4 },
  { layers: [4, 16, 3], batch: 16 },
  { layers: [784, 128, 10], batch: 32 },
  { layers: [784, 128, 10], batch: 128 },
  { layers: [784, 512, 512, 10], batch: 64 },
  { layers: [784, 512, 512, 10], batch: 256 },
];

/** @type {Workload[]} */
/** A small, a middle and a large one: what a quick run has time for. */
export const QUICK_STEPS = [STEPS[0], STEPS[2], STEPS[5]];

export const PREDICTIONS = [
  { layers: [784, 128, 10], batch: 1 },
  { layers: [784, 128, 10], batch: 256 },
  { layers: [784, 512, 512, 10], batch: 256 },
];

/** Learning rate of every peer; plain SGD, no momentum. */
export const LR = 0.01;

/** @param {Workload} workload */
export const nameOf = ({ layers, batch }) => `${layers.join('-')} @ ${batch}`;

/**
 * Floating-point operations of a forward pass: two for each multiply-add of a layer.
 *
 * @param {Workload} workload
 */
export function forwardFlops({ layers, batch }) {
  let flops = 0;
  for (let i = 1; i < layers.length; i++) flops += 2 * batch * layers[i - 1] * layers[i];
  return flops;
}

/**
 * Useful floating-point operations of a training step: forward and weight gradients of every layer, input gradients of
 * all but the first, whose input needs none.
 *
 * @param {Workload} workload
 */
export function stepFlops({ layers, batch }) {
  return 3 * forwardFlops({ layers, batch }) - forwardFlops({ layers: layers.slice(0, 2), batch });
}

/** @param {number} seed */
function generator(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/**
 * @typedef {object} Layer
 * @property {number} inFeatures
 * @property {number} outFeatures
 * @property {Float32Array} weight [outFeatures, inFeatures]
 * @property {Float32Array} bias [outFeatures]
 */

/**
 * @typedef {object} Numbers
 * @property {Float32Array} inputs [batch, layers[0]], in [0, 1)
 * @property {Int32Array} labels [batch]
 * @property {Layer[]} weights initial weights, as PyTorch draws them: uniform within 1 / √inFeatures
 */

/** @type {Map<string, Numbers>} */
const ready = new Map();

/**
 * Draws the numbers of a workload ahead, for the next call of numbersOf(): drawing them is nobody's work.
 *
 * @param {Workload} workload
 */
export const prepareNumbers = (workload) => void ready.set(nameOf(workload), draw(workload));

/**
 * Rows, labels and initial weights of a workload: always the same ones, to be changed at will.
 *
 * @param {Workload} workload
 * @returns {Numbers}
 */
export function numbersOf(workload) {
  const numbers = ready.get(nameOf(workload)) ?? draw(workload);
  ready.delete(nameOf(workload));
  return numbers;
}

/**
 * @param {Workload} workload
 * @returns {Numbers}
 */
function draw({ layers, batch }) {
  const random = generator(7);
  const floats = (/** @type {number} */ count, /** @type {number} */ low, /** @type {number} */ high) => {
    const list = new Float32Array(count);
    for (let i = 0; i < count; i++) list[i] = low + (high - low) * random();
    return list;
  };
  const weights = layers.slice(1).map((outFeatures, i) => {
    const bound = 1 / Math.sqrt(layers[i]);
    return {
      inFeatures: layers[i],
      outFeatures,
      weight: floats(outFeatures * layers[i], -bound, bound),
      bias: floats(outFeatures, -bound, bound),
    };
  });
  const inputs = floats(batch * layers[0], 0, 1);
  const classes = layers[layers.length - 1];
  const labels = Int32Array.from({ length: batch }, () => Math.floor(random() * classes));
  return { inputs, labels, weights };
}

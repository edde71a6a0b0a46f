// What is measured: networks, batch sizes, and the same numbers for every peer.

/** @typedef {{ layers: number[], batch: number }} Workload */

export const STEPS = [
  { layers: [2, 16, 2], batch: 4 },
  { layers: [4, 16, 3], batch: 16 },
  { layers: [784, 128, 10], batch: 32 },
  { layers: [784, 128, 10], batch: 128 },
  { layers: [784, 512, 512, 10], batch: 64 },
  { layers: [784, 512, 512, 10], batch: 256 },
];

export const PREDICTIONS = [
  { layers: [784, 128, 10], batch: 1 },
  { layers: [784, 128, 10], batch: 256 },
  { layers: [784, 512, 512, 10], batch: 256 },
];

export const LR = 0.01;

/** @param {Workload} workload */
export const nameOf = ({ layers, batch }) => `${layers.join('-')} @ ${batch}`;

/**
 * Useful multiply-adds of a training step, twice: forward and weight gradients of every layer, input gradients of all
 * but the first.
 *
 * @param {Workload} workload
 */
export function stepFlops({ layers, batch }) {
  let flops = 0;
  for (let i = 1; i < layers.length; i++) flops += 2 * batch * layers[i - 1] * layers[i] * (i === 1 ? 2 : 3);
  return flops;
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
 * Rows, labels and initial weights [outFeatures, inFeatures] of a workload.
 *
 * @param {Workload} workload
 */
export function numbersOf({ layers, batch }) {
  const random = generator(7);
  const floats = (/** @type {number} */ count, /** @type {number} */ low, /** @type {number} */ high) =>
    Float32Array.from({ length: count }, () => low + (high - low) * random());
  const inputs = floats(batch * layers[0], 0, 1);
  const labels = Int32Array.from({ length: batch }, () =>
    Math.floor(random() * /** @type {number} */ (layers.at(-1))),
  );
  const weights = layers.slice(1).map((outFeatures, i) => {
    const bound = 1 / Math.sqrt(layers[i]);
    return {
      inFeatures: layers[i],
      outFeatures,
      weight: floats(outFeatures * layers[i], -bound, bound),
      bias: floats(outFeatures, -bound, bound),
    };
  });
  return { inputs, labels, weights };
}

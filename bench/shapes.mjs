// Dense layers whose passes are measured by themselves.

/** @typedef {{ batch: number, inFeatures: number, outFeatures: number }} Shape */

export const KINDS = {
  forward: 'forward',
  inputGradient: 'input gradient',
  weightGradient: 'weight gradient',
  weightUpdate: 'weight gradient + SGD',
};

const EVEN = [
  [8, 8, 8],
  [16, 16, 16],
  [32, 32, 32],
  [64, 64, 64],
  [128, 128, 128],
  [256, 256, 256],
  [1, 128, 128],
  [1, 784, 128],
  [1, 1024, 1024],
  [4, 128, 128],
  [8, 256, 256],
  [16, 512, 512],
  [32, 128, 10],
  [32, 128, 128],
  [32, 784, 128],
  [64, 512, 512],
  [64, 784, 512],
  [128, 784, 128],
  [256, 784, 512],
  [256, 512, 512],
  [256, 1024, 1024],
];

/** Measured next to their neighbours. */
const ODD = [
  [17, 17, 17],
  [33, 31, 37],
  [31, 100, 50],
  [33, 129, 131],
  [100, 300, 100],
  [65, 257, 255],
  [127, 783, 129],
  [255, 511, 513],
];

const QUICK_EVEN = [
  [16, 16, 16],
  [1, 784, 128],
  [32, 784, 128],
  [256, 512, 512],
];
const QUICK_ODD = [
  [17, 17, 17],
  [33, 129, 131],
];

/** @param {number[]} numbers */
const toShape = ([batch, inFeatures, outFeatures]) => ({ batch, inFeatures, outFeatures });

/** @param {boolean} quick */
export const shapes = (quick) => ({
  even: (quick ? QUICK_EVEN : EVEN).map(toShape),
  odd: (quick ? QUICK_ODD : ODD).map(toShape),
});

/** @param {Shape} shape */
export const shapeName = ({ batch, inFeatures, outFeatures }) => `${batch}, ${inFeatures} → ${outFeatures}`;

/**
 * Two for each multiply-add, the same for all three passes.
 *
 * @param {Shape} shape
 */
export const passFlops = ({ batch, inFeatures, outFeatures }) => 2 * batch * inFeatures * outFeatures;

/**
 * Every dimension rounded up to a multiple of 8.
 *
 * @param {Shape} shape
 * @returns {Shape}
 */
export function neighbourOf({ batch, inFeatures, outFeatures }) {
  const up = (/** @type {number} */ n) => Math.ceil(n / 8) * 8;
  return { batch: up(batch), inFeatures: up(inFeatures), outFeatures: up(outFeatures) };
}

import { printTable } from './table.mjs';

/** Loops of assembly/ceiling.ts, and how many vector multiply-adds a turn of each does. */
const LOOPS = [
  { loop: 'registers8', vectors: 8 },
  { loop: 'registers10', vectors: 10 },
  { loop: 'registers12', vectors: 12 },
  { loop: 'cached8', vectors: 8 },
];

const KINDS = ['forward', 'inputGradient', 'weightGradient'];
const SIZES = [
  [8, 8, 8],
  [16, 16, 16],
  [17, 17, 17],
  [32, 32, 32],
  [33, 31, 37],
  [1, 784, 128],
  [1, 512, 512],
  [4, 128, 128],
  [32, 128, 128],
  [32, 784, 128],
  [32, 128, 10],
  [33, 129, 131],
  [64, 512, 512],
  [128, 256, 256],
  [64, 784, 512],
  [128, 784, 128],
  [256, 512, 512],
  [256, 1024, 1024],
  [255, 511, 513],
];

/**
 * The ceiling of each build, and the rate of each kernel as a share of it.
 *
 * @param {import('./peer.mjs').Peer[]} peers
 * @param {{ rounds: number, seconds: number }} settings
 * @param {boolean} all kernels too
 * @param {boolean} quick
 */
export async function measureKernels(peers, settings, all, quick) {
  /** @type {Record<string, number>} */
  const ceiling = {};
  /** @type {{ build: string, kind: string, shape: number[], rate: number, share: number }[]} */
  const kernels = [];
  const shapes = quick ? SIZES.filter((_, i) => i % 4 === 1) : SIZES;
  const best = async (
    /** @type {import('./peer.mjs').Peer} */ peer,
    /** @type {object} */ prepare,
    /** @type {number} */ flops,
  ) => {
    await peer.ask({ command: 'prepare', ...prepare });
    let rate = 0;
    for (let round = 0; round < settings.rounds; round++) {
      const { seconds } = await peer.ask({ command: 'measure', seconds: settings.seconds / 3 });
      rate = Math.max(rate, flops / seconds / 1e9);
    }
    return rate;
  };
  const raise = async (/** @type {import('./peer.mjs').Peer} */ peer) => {
    for (const { loop, vectors } of LOOPS) {
      const turns = Math.round(1e6 / (vectors * 8));
      const rate = await best(peer, { task: 'ceiling', workload: { loop, vectors } }, turns * vectors * 8);
      ceiling[peer.label] = Math.max(ceiling[peer.label] ?? 0, rate);
    }
  };
  for (const peer of peers) {
    await raise(peer);
    for (const [batch, inFeatures, outFeatures] of all ? shapes : []) {
      for (const kind of KINDS) {
        process.stderr.write(`\r${peer.label} ${kind} ${batch}, ${inFeatures} → ${outFeatures}`.padEnd(70));
        const workload = { kind, batch, inFeatures, outFeatures, withUpdate: false };
        const rate = await best(peer, { task: 'kernel', workload }, 2 * batch * inFeatures * outFeatures);
        kernels.push({ build: peer.label, kind, shape: [batch, inFeatures, outFeatures], rate, share: 0 });
      }
    }
    // The clock drifts: the ceiling is measured before and after.
    await raise(peer);
  }
  process.stderr.write(`\r${' '.repeat(70)}\r`);
  for (const kernel of kernels) kernel.share = kernel.rate / ceiling[kernel.build];
  const above = kernels.filter(({ share }) => share > 1.02);
  if (above.length > 0) console.log('careless ceiling: a kernel is above it', above);
  printTable(
    'ceiling: the highest multiply-add rate of any loop',
    ['build', 'GFLOP/s'],
    Object.entries(ceiling).map(([build, rate]) => [build, rate.toFixed(1)]),
  );
  for (const { label } of all ? peers : []) {
    const rows = shapes.map((shape) => {
      const cells = KINDS.map((kind) => {
        const found = kernels.find(
          (kernel) => kernel.build === label && kernel.kind === kind && kernel.shape.join() === shape.join(),
        );
        return found ? `${found.rate.toFixed(1)} (${found.share.toFixed(2)})` : '';
      });
      return [`${shape[0]}, ${shape[1]} → ${shape[2]}`, ...cells];
    });
    printTable(
      `dense kernels, ${label}: GFLOP/s (share of the ceiling)`,
      ['batch, in → out', ...KINDS],
      rows,
    );
  }
  return { ceiling: { relaxed: NaN, ...ceiling }, kernels };
}

// `npm run bench`: every measurement beside its peers, in one run. `--quick` ends within a minute; `--only steps` (or
// kernels, predict, start, memory, epoch) measures one thing.
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { measureKernels } from './kernels.mjs';
import { javascriptPeer, pytorchPeer } from './peer.mjs';
import { commit, findPython, modernNode, setUp } from './setup.mjs';
import { measureStart } from './start.mjs';
import { formatSeconds, printTable } from './table.mjs';
import { nameOf, PREDICTIONS, stepFlops, STEPS } from './workloads.mjs';

const { values: options } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } },
});
const wanted = (/** @type {string} */ name) =>
  options.only === undefined || options.only.split(',').includes(name);
const settings = options.quick ? { rounds: 1, seconds: 0.04 } : { rounds: 5, seconds: 0.3 };

await setUp();
const modern = modernNode();
const python = findPython();
const machine = {
  cpu: cpus()[0].model,
  cores: cpus().length,
  node: process.versions.node,
  commit: commit(),
  date: new Date().toISOString(),
};
console.log(`${machine.cpu}, ${machine.cores} cores, commit ${machine.commit}`);
/** @type {Record<string, unknown>} */
const results = { machine };

/** @type {import('./peer.mjs').Peer[]} */
let peers = [];

/** Starts peers, and names those that this host cannot run. */
async function start(/** @type {import('./peer.mjs').Peer[]} */ candidates) {
  peers = [];
  for (const peer of candidates) {
    try {
      peer.version = (await peer.ask({ command: 'describe' })).version;
      peers.push(peer);
    } catch (error) {
      console.log(`not measured: ${peer.label}: ${/** @type {Error} */ (error).message}`);
      peer.end();
    }
  }
  if (!python) console.log('not measured: PyTorch: no python3 here has it');
  return peers;
}

const median = (/** @type {number[]} */ values) => values.toSorted((a, b) => a - b)[values.length >> 1];

/**
 * Measures one task with every peer, in interleaved rounds.
 *
 * @param {string} task
 * @param {object} workload
 * @returns {Promise<Map<string, { seconds: number, spread: number }>>}
 */
async function interleave(task, workload, taskOf = (/** @type {string} */ _label) => task) {
  const able = [];
  for (const peer of peers) {
    try {
      if ((await peer.ask({ command: 'prepare', task: taskOf(peer.label), workload })).able) able.push(peer);
    } catch (error) {
      console.log(`not measured: ${peer.label}: ${/** @type {Error} */ (error).message}`);
    }
  }
  /** @type {Map<string, number[]>} */
  const times = new Map(able.map(({ label }) => [label, []]));
  for (let round = 0; round < settings.rounds; round++) {
    for (const peer of able) {
      process.stderr.write(`\r${task} ${round + 1}/${settings.rounds} ${peer.label}`.padEnd(78));
      try {
        const { seconds } = await peer.ask({ command: 'measure', seconds: settings.seconds });
        times.get(peer.label)?.push(seconds);
      } catch {
        // A peer that fails in the middle keeps what it measured.
      }
    }
  }
  process.stderr.write(`\r${' '.repeat(78)}\r`);
  return new Map(
    [...times]
      .filter(([, list]) => list.length > 0)
      .map(([label, list]) => {
        const seconds = median(list);
        return [label, { seconds, spread: (Math.max(...list) - Math.min(...list)) / seconds }];
      }),
  );
}

const OURS = 'wasmgrad';
const jsPeers = () => [
  javascriptPeer(OURS, modern, 'wasmgrad'),
  javascriptPeer('wasmgrad strict', process.execPath, 'wasmgrad', 'strict'),
  javascriptPeer('plain JavaScript', modern, 'plain'),
  javascriptPeer('TensorFlow.js wasm', modern, 'tfjs', 'wasm'),
  javascriptPeer('TensorFlow.js cpu', modern, 'tfjs', 'cpu'),
  javascriptPeer('jax-js', modern, 'jax'),
  javascriptPeer('brain.js', modern, 'brain'),
];
const torchPeers = () => (python ? [pytorchPeer('PyTorch', '1')] : []);
const threadedPeers = () =>
  machine.cores > 1
    ? [
        javascriptPeer('wasmgrad 2 threads', modern, 'wasmgrad', 'auto', '2'),
        ...(python ? [pytorchPeer('PyTorch 2 threads', '2')] : []),
      ]
    : [];

/** @type {{ ceiling: { relaxed: number } } | undefined} */
let kernels;
if (wanted('kernels') || wanted('steps')) {
  await start([
    javascriptPeer('relaxed', modern, 'kernels', 'relaxed'),
    javascriptPeer('strict', process.execPath, 'kernels', 'strict'),
  ]);
  kernels = await measureKernels(
    peers,
    settings,
    wanted('kernels') && options.only !== 'steps',
    options.quick,
  );
  results.kernels = kernels;
  for (const peer of peers) peer.end();
}

if (wanted('steps')) {
  await start([
    ...jsPeers(),
    javascriptPeer('wasmgrad loop', modern, 'wasmgrad'),
    ...torchPeers(),
    ...threadedPeers(),
  ]);
  const taskOf = (/** @type {string} */ label) => (label === 'wasmgrad loop' ? 'loop' : 'step');
  results.steps = await compare('training step', STEPS, taskOf, (workload, seconds) => {
    const rate = stepFlops(workload) / seconds / 1e9;
    const share = kernels ? rate / kernels.ceiling.relaxed : NaN;
    return [rate.toFixed(1), Number.isNaN(share) ? '' : share.toFixed(2)];
  });
  for (const peer of peers) peer.end();
}

if (wanted('predict')) {
  await start([...jsPeers(), javascriptPeer('onnxruntime-web', modern, 'onnx'), ...torchPeers()]);
  results.predict = await compare('prediction', PREDICTIONS, () => 'predict');
  for (const peer of peers) peer.end();
}

if (wanted('epoch')) {
  await start([javascriptPeer('steps', modern, 'wasmgrad'), javascriptPeer('fit', modern, 'wasmgrad')]);
  /** @type {string[][]} */
  const rows = [];
  for (const { layers, batch } of STEPS) {
    const workload = { layers, batch, batches: layers[0] < 10 ? 2000 : batch < 100 ? 60 : 20 };
    const times = await interleave('epoch', workload, (label) => (label === 'fit' ? 'epoch' : 'step'));
    const steps = (times.get('steps')?.seconds ?? NaN) * workload.batches;
    const share = steps / (times.get('fit')?.seconds ?? NaN);
    rows.push([
      nameOf(workload),
      `${workload.batches}`,
      formatSeconds(steps),
      formatSeconds(times.get('fit')?.seconds ?? NaN),
      share.toFixed(2),
    ]);
  }
  printTable(
    'an epoch of fit(), data handling included, against bare steps',
    ['network', 'batches', 'steps', 'fit', 'share'],
    rows,
  );
  results.epoch = rows;
  for (const peer of peers) peer.end();
}

if (wanted('start')) results.start = await measureStart(modern, settings.rounds);

if (wanted('memory')) {
  await start([javascriptPeer(OURS, modern, 'wasmgrad')]);
  /** @type {string[][]} */
  const rows = [];
  for (const workload of STEPS) {
    const { result } = await peers[0].ask({ command: 'run', task: 'memory', workload });
    const { usedBytes, neededBytes } = result;
    rows.push([nameOf(workload), `${usedBytes}`, `${neededBytes}`, (usedBytes / neededBytes).toFixed(2)]);
  }
  printTable(
    'linear memory against parameters, gradients and activations, bytes',
    ['network', 'used', 'sum', 'ratio'],
    rows,
  );
  results.memory = rows;
  for (const peer of peers) peer.end();
}

/**
 * A table of every peer at every workload, as a ratio to ours.
 *
 * @param {string} title
 * @param {{ layers: number[], batch: number }[]} workloads
 * @param {(label: string) => string} taskOf
 * @param {(workload: { layers: number[], batch: number }, seconds: number) => string[]} [extra]
 */
async function compare(title, workloads, taskOf, extra = () => []) {
  const all = [];
  for (const workload of workloads) {
    const times = await interleave(taskOf(OURS), workload, taskOf);
    const ours = times.get(OURS)?.seconds ?? NaN;
    const rows = [...times].map(([label, { seconds, spread }]) => {
      const version = peers.find((peer) => peer.label === label)?.version ?? '';
      const figures = label.startsWith(OURS)
        ? extra(workload, seconds)
        : extra(workload, seconds).map(() => '');
      return [
        label,
        version,
        formatSeconds(seconds),
        `±${Math.round(spread * 50)} %`,
        `${(seconds / ours).toFixed(2)} ×`,
        ...figures,
      ];
    });
    const columns = ['', 'version', 'time', 'spread', 'to wasmgrad'];
    printTable(
      `${title}, ${nameOf(workload)}`,
      extra(workload, 1).length > 0 ? [...columns, 'GFLOP/s', 'of ceiling'] : columns,
      rows,
    );
    all.push({ workload: nameOf(workload), peers: Object.fromEntries(times) });
  }
  return all;
}

if (!options.quick && options.only === undefined) {
  const folder = new URL('results/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  const file = new URL(`${machine.date.slice(0, 10)}-${machine.commit.split(' ')[0]}.json`, folder);
  writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
  console.log(`\nwritten to bench/results/${file.pathname.split('/').at(-1)}`);
}
process.exit(0);

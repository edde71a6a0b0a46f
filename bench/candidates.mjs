// Who is measured, and how each is started.
import { fileURLToPath } from 'node:url';

const here = (/** @type {string} */ file) => fileURLToPath(new URL(file, import.meta.url));

export const OURS = 'wasmgrad';
/** The loop spelled out, in a process of its own: its garbage is not the replay's. */
export const OURS_LOOP = 'wasmgrad loop';
export const OURS_STRICT = 'wasmgrad strict';
export const OURS_THREADS = 'wasmgrad 2 threads';
export const PLAIN = 'plain JavaScript';
export const TFJS = 'TensorFlow.js wasm';
export const TFJS_CPU = 'TensorFlow.js cpu';
export const JAX = 'jax-js';
export const BRAIN = 'brain.js';
export const ONNX = 'onnxruntime-web';
export const PYTORCH = 'PyTorch';
export const PYTORCH_THREADS = 'PyTorch 2 threads';
/** The core of each build by itself. */
export const CORES = { relaxed: 'relaxed core', strict: 'strict core' };

/** Names of the rewrite rules, as in src/tensor/rules.ts. */
export const RULE_NAMES = [
  'constantOnce',
  'linearRelu',
  'reluGradient',
  'crossEntropyGradient',
  'updateInPlace',
];

/** Each rule, and the candidate that runs without it. */
export const RULES = RULE_NAMES.map((rule) => ({ rule, label: `wasmgrad without ${rule}` }));

/**
 * @param {object} host
 * @param {string} host.modern a Node with relaxed SIMD where there is one
 * @param {string} host.running the Node that runs this
 * @param {string | undefined} host.python one that has PyTorch
 * @returns {Map<string, import('./peer.mjs').Candidate>}
 */
export function candidatesOn({ modern, running, python }) {
  const module = (/** @type {string} */ node, /** @type {string[]} */ ...args) => ({
    command: node,
    args: [here('child.mjs'), ...args],
  });
  const torch = (/** @type {string} */ threads) => ({
    // Without one there is a reason to name, which the attempt gives.
    command: python ?? 'python3',
    args: [here('peers/pytorch.py'), threads],
    env: { OMP_NUM_THREADS: threads, OPENBLAS_NUM_THREADS: threads },
    readsNumbers: true,
  });
  return new Map([
    [OURS, module(modern, 'wasmgrad')],
    [OURS_LOOP, module(modern, 'wasmgrad')],
    [OURS_STRICT, module(running, 'wasmgrad', 'strict')],
    [OURS_THREADS, module(modern, 'wasmgrad', 'auto', '2')],
    [PLAIN, module(modern, 'plain')],
    [TFJS, module(modern, 'tfjs', 'wasm')],
    [TFJS_CPU, module(modern, 'tfjs', 'cpu')],
    [JAX, module(modern, 'jax')],
    [BRAIN, module(modern, 'brain')],
    [ONNX, module(modern, 'onnx')],
    [PYTORCH, torch('1')],
    [PYTORCH_THREADS, torch('2')],
    [CORES.relaxed, module(modern, 'kernels', 'relaxed')],
    [CORES.strict, module(running, 'kernels', 'strict')],
    ...RULES.map(
      ({ rule, label }) => /** @type {const} */ ([label, module(modern, 'wasmgrad', 'auto', '1', rule)]),
    ),
  ]);
}

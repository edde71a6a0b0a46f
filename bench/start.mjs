import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { formatSeconds, printTable } from './table.mjs';

/** What a fresh process does, and then prints how long it took. */
const PROGRAMS = {
  'wasmgrad, first prediction': `
    const { nn } = await import('wasmgrad');
    new nn.Sequential(new nn.Linear(784, 128), new nn.ReLU(), new nn.Linear(128, 10)).predict(new Float32Array(784));`,
  'wasmgrad, first training step': `
    const { nn, optim, tensor } = await import('wasmgrad');
    const model = new nn.Sequential(new nn.Linear(784, 128), new nn.ReLU(), new nn.Linear(128, 10));
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.01 });
    new nn.CrossEntropyLoss().forward(model.forward(tensor(new Float32Array(784 * 32), { shape: [32, 784] })), new Array(32).fill(1)).backward();
    optimizer.step();`,
  'TensorFlow.js wasm, first prediction': `
    const tf = await import('@tensorflow/tfjs-core');
    const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
    setWasmPaths(process.cwd() + '/node_modules/@tensorflow/tfjs-backend-wasm/dist/');
    await tf.setBackend('wasm');
    tf.matMul(tf.relu(tf.matMul(tf.zeros([1, 784]), tf.zeros([784, 128]))), tf.zeros([128, 10])).dataSync();`,
  'jax-js, first prediction': `
    const { init, defaultDevice, numpy: np, nn } = await import('@jax-js/jax');
    await init('wasm');
    defaultDevice('wasm');
    await np.matmul(nn.relu(np.matmul(np.zeros([1, 784]), np.zeros([784, 128]))), np.zeros([128, 10])).data();`,
};

/**
 * From the beginning of the import to the first result, in fresh processes.
 *
 * @param {string} node
 * @param {number} rounds
 */
export async function measureStart(node, rounds) {
  /** @type {Record<string, number>} */
  const seconds = {};
  for (let round = 0; round < rounds; round++) {
    for (const [name, program] of Object.entries(PROGRAMS)) {
      const code = `const begin = performance.now();${program}\nprocess.stdout.write('\\n@' + (performance.now() - begin));process.exit(0)`;
      const { stdout } = spawnSync(node, ['--input-type=module', '-e', code], {
        cwd: fileURLToPath(new URL('.', import.meta.url)),
      });
      const time = Number(stdout.toString().split('@').at(-1)) / 1000;
      if (time > 0) seconds[name] = Math.min(seconds[name] ?? Infinity, time);
    }
  }
  printTable(
    'from import to first result, in a fresh process',
    ['', 'time'],
    Object.entries(seconds).map(([name, time]) => [name, formatSeconds(time)]),
  );
  return seconds;
}

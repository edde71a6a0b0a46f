import { PerformanceObserver } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { data, fit, manualSeed, nn, optim } from 'wasmgrad';
import { engine } from '../../src/core/engine.js';
import { ResidentBatches } from '../../src/data/residentBatches.js';
import { Captured } from '../../src/tensor/captured.js';

const loss = new nn.CrossEntropyLoss();

function setUp() {
  manualSeed(1);
  const model = new nn.Sequential(new nn.Linear(3, 16), new nn.ReLU(), new nn.Linear(16, 4));
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
  const rows = Array.from({ length: 64 }, (_, i) => [Math.sin(i), Math.cos(i), i / 64]);
  const dataset = new data.TensorDataset(
    rows,
    rows.map((_, i) => i % 4),
  );
  const loader = new data.DataLoader(dataset, { batchSize: 8, shuffle: true, seed: 1 });
  return { model, optimizer, loader };
}

// What makes a step fast, by count: no test measures time.
describe('a replayed step', () => {
  afterEach(() => vi.restoreAllMocks());

  it('is one call into Wasm at most, and takes no linear memory', async () => {
    const { model, optimizer, loader } = setUp();
    // What an instance exports is frozen: the spy sits on a copy.
    const core = { ...engine().core };
    vi.spyOn(engine(), 'core', 'get').mockReturnValue(core);
    const run = vi.spyOn(core, 'run');
    const allocate = vi.spyOn(engine().allocator, 'allocate');
    const calls: number[] = [];
    const taken: number[] = [];
    await fit(model, {
      data: loader,
      loss,
      optimizer,
      epochs: 3,
      onBatch() {
        calls.push(run.mock.calls.length);
        taken.push(allocate.mock.calls.length);
      },
    });
    const replays = calls.slice(1).map((total, i) => total - calls[i]);
    expect(replays).toEqual(Array.from({ length: 23 }, () => 1));
    // From the second batch of the first epoch to its last.
    expect(taken[7]).toBe(taken[0]);
  });

  it('makes no garbage', async () => {
    const { model, optimizer, loader } = setUp();
    const step = new Captured('test', (inputs, targets) => {
      optimizer.zeroGrad();
      const value = loss.forward(model.forward(inputs), targets);
      value.backward();
      optimizer.step();
      return [value];
    });
    const batches = new ResidentBatches(loader);
    batches.begin();
    const steps = (count: number): void => {
      for (let i = 0; i < count; i++) step.run(batches.at((i % 8) * 8));
    };
    // Until the compiler has seen it all.
    steps(50_000);
    let collections = 0;
    const observer = new PerformanceObserver((list) => (collections += list.getEntries().length));
    observer.observe({ entryTypes: ['gc'] });
    // With an object of 100 bytes in each step there would be three collections or more, of 16 MiB each.
    steps(500_000);
    await setImmediate();
    observer.disconnect();
    expect(collections).toBeLessThanOrEqual(1);
  });
});

import { describe, expect, it } from 'vitest';
import {
  capture,
  data,
  evaluate,
  fit,
  manualSeed,
  nn,
  optim,
  runtimeInfo,
  tensor,
  type Tensor,
} from 'wasmgrad';
import { Allocator } from '../../src/core/allocator.js';
import { Block } from '../../src/core/owner.js';

const collect = globalThis.gc!;

/** Bytes that JavaScript holds after a collection. */
function heapBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

describe('memory stays constant', () => {
  const model = () => new nn.Sequential(new nn.Linear(2, 16), new nn.Tanh(), new nn.Linear(16, 2));
  const inputs = tensor([
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ]);
  const labels = tensor([0, 1, 1, 0]);

  it('over a million iterations of forward, backward and step', () => {
    manualSeed(1);
    const network = model();
    const optimizer = new optim.SGD(network.parameters(), { lr: 0.01, momentum: 0.9 });
    const loss = new nn.CrossEntropyLoss();
    const run = (count: number): void => {
      for (let i = 0; i < count; i++) {
        optimizer.zeroGrad();
        loss.forward(network.forward(inputs), labels).backward();
        optimizer.step();
      }
    };
    run(1000);
    const { inUseBytes, memoryBytes } = runtimeInfo();
    const heap = heapBytes();
    run(999_000);
    expect(runtimeInfo()).toMatchObject({ inUseBytes, memoryBytes });
    // Room for what the engine compiles meanwhile; a leak of one byte an iteration would show.
    expect(heapBytes() - heap).toBeLessThan(900_000);
  });

  it('over 100,000 predictions', () => {
    const network = model();
    const rows = Float32Array.of(0, 1, 1, 0);
    const run = (count: number): void => {
      for (let i = 0; i < count; i++) network.predict(rows);
    };
    run(1000);
    const { inUseBytes, memoryBytes } = runtimeInfo();
    const heap = heapBytes();
    run(99_000);
    expect(runtimeInfo()).toMatchObject({ inUseBytes, memoryBytes });
    expect(heapBytes() - heap).toBeLessThan(900_000);
  });

  it('when models and their optimizers are dropped', async () => {
    const once = async (): Promise<number> => {
      for (let i = 0; i < 20; i++) {
        const network = new nn.Linear(300, 300);
        const optimizer = new optim.SGD(network.parameters(), { lr: 0.1, momentum: 0.9 });
        network
          .forward(tensor([new Array(300).fill(1)]))
          .sum()
          .backward();
        optimizer.step();
      }
      // Finalizers run in a turn of their own, some time after a collection.
      for (let i = 0; i < 5; i++) {
        collect();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return runtimeInfo().inUseBytes;
    };
    const first = await once();
    const second = await once();
    expect(second).toBeLessThanOrEqual(first + 300 * 300 * 4 * 3);
  });

  it('of what fit() and evaluate() recorded, as soon as they are over', async () => {
    const rows = Array.from({ length: 256 }, (_, i) => [Math.sin(i), Math.cos(i)]);
    const dataset = new data.TensorDataset(
      rows,
      rows.map((_, i) => i % 2),
    );
    const loader = new data.DataLoader(dataset, { batchSize: 256 });
    const network = new nn.Sequential(new nn.Linear(2, 512), new nn.ReLU(), new nn.Linear(512, 2));
    const optimizer = new optim.SGD(network.parameters(), { lr: 0.1 });
    const loss = new nn.CrossEntropyLoss();
    const before = runtimeInfo().inUseBytes;
    await fit(network, { data: loader, validation: loader, loss, optimizer, epochs: 2 });
    await evaluate(network, loader, { loss });
    // Gradients stay, a float for each parameter, and the order of rows; activations would be a float for each row and unit.
    expect(runtimeInfo().inUseBytes - before).toBeLessThan((256 * 512 * 4) / 4);
  });

  it('at once when they are disposed of', () => {
    const before = runtimeInfo().inUseBytes;
    const network = new nn.Linear(100, 100);
    expect(runtimeInfo().inUseBytes).toBeGreaterThan(before);
    network[Symbol.dispose]();
    network[Symbol.dispose]();
    expect(runtimeInfo().inUseBytes).toBe(before);
    const block = new Block(10);
    block[Symbol.dispose]();
    expect(runtimeInfo().inUseBytes).toBe(before);
  });

  it('of an optimizer, whose next step begins with a new state, also under capture', () => {
    const trained = (dispose: boolean): number[] => {
      manualSeed(3);
      const network = new nn.Linear(3, 2);
      const make = () => new optim.Adam(network.parameters(), { lr: 0.1 });
      let optimizer = make();
      const step = capture((x: Tensor) => {
        optimizer.zeroGrad();
        network.forward(x).square().sum().backward();
        optimizer.step();
        return network.weight.sum();
      });
      const row = tensor([[1, 2, 3]]);
      for (let i = 0; i < 3; i++) step(row);
      if (dispose) {
        const before = runtimeInfo().inUseBytes;
        optimizer[Symbol.dispose]();
        expect(runtimeInfo().inUseBytes).toBeLessThan(before);
        optimizer[Symbol.dispose]();
        for (let i = 0; i < 3; i++) step(row);
      } else {
        optimizer = make();
        for (let i = 0; i < 3; i++) {
          optimizer.zeroGrad();
          network.forward(row).square().sum().backward();
          optimizer.step();
        }
      }
      return [...network.weight.data];
    };
    expect(trained(true)).toEqual(trained(false));
  });
});

describe('the allocator', () => {
  it('gives blocks that do not overlap, and takes them back whole', () => {
    let size = 0;
    const allocator = new Allocator(64, (bytes) => {
      size = Math.max(size, bytes);
    });
    const held: { at: number; bytes: number }[] = [];
    let state = 1;
    const random = (bound: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return (state >>> 8) % bound;
    };
    for (let i = 0; i < 5000; i++) {
      if (held.length > 0 && random(100) < 50) {
        const [{ at }] = held.splice(random(held.length), 1);
        allocator.release(at);
      } else {
        const bytes = random(5000);
        const at = allocator.allocate(bytes);
        expect(at % 64).toBe(0);
        expect(at).toBeGreaterThanOrEqual(64);
        expect(at + bytes).toBeLessThanOrEqual(size);
        for (const other of held) expect(at + bytes <= other.at || other.at + other.bytes <= at).toBe(true);
        held.push({ at, bytes });
      }
    }
    const peak = size;
    for (const { at } of held) allocator.release(at);
    expect(allocator.inUseBytes).toBe(0);
    expect(allocator.allocate(peak - 64)).toBe(64);
    expect(size).toBe(peak);
    expect(() => allocator.release(12)).toThrow(/no block/);
  });
});

import { afterEach, describe, expect, it, vi } from 'vitest';
import type { BuildName } from '../../src/core/builds.js';
import type { Engine } from '../../src/core/engine.js';

type Api = typeof import('wasmgrad');

const collect = globalThis.gc!;
const { Memory } = WebAssembly;

/** The library loaded once more, on a memory that cannot grow beyond `pages`. */
async function load(pages = 65536): Promise<{ api: Api; engine: Engine }> {
  vi.spyOn(WebAssembly, 'Memory').mockImplementation(function (descriptor) {
    if (descriptor.maximum! > pages) throw new RangeError('could not allocate memory');
    return new Memory(descriptor);
  });
  vi.resetModules();
  const api = await import('wasmgrad');
  api.configure({ build: process.env.BUILD as BuildName });
  const { engine } = await import('../../src/core/engine.js');
  return { api, engine: engine() };
}

afterEach(() => vi.restoreAllMocks());

/** Until finalizers have run. */
async function collected(): Promise<void> {
  for (let i = 0; i < 5; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('models that are dropped in a loop', () => {
  /** 32 MB with its Adam. */
  function train({ nn, optim, tensor }: Api) {
    const model = new nn.Linear(1024, 2048);
    const optimizer = new optim.Adam(model.parameters(), { lr: 0.1 });
    model
      .forward(tensor([new Array(1024).fill(1)]))
      .sum()
      .backward();
    optimizer.step();
    return { model, optimizer };
  }

  it('end in an error that names the remedy, and go on with it', async () => {
    const { api } = await load(4096);
    const { runtimeInfo } = api;
    expect(() => {
      for (let i = 0; i < 12; i++) train(api);
    }).toThrow(
      /^out of memory: \d+ bytes needed, WebAssembly has 268435456 here; .*`using` or \[Symbol\.dispose\]\(\), or await a timeout/,
    );
    await collected();
    const { inUseBytes } = runtimeInfo();
    for (let i = 0; i < 12; i++) {
      const { model, optimizer } = train(api);
      optimizer[Symbol.dispose]();
      model[Symbol.dispose]();
    }
    // What stays is the tape.
    expect(runtimeInfo().inUseBytes - inUseBytes).toBeLessThan(1 << 20);
    // A collection takes the place of the pressure of many.
    for (let i = 0; i < 12; i++) {
      train(api);
      if (i % 4 === 3) await collected();
    }
  });

  it('name it as well where the host refuses', async () => {
    const { api, engine } = await load();
    vi.spyOn(engine.memory, 'grow').mockImplementation(() => {
      throw new RangeError('no');
    });
    expect(() => new api.nn.Linear(4096, 4096)).toThrow(
      /^out of memory: the host refused to grow WebAssembly memory to \d+ bytes; .*`using`/,
    );
  });

  it('take what ended scratch tapes kept before they fail', async () => {
    const { api } = await load(4096);
    const { Block } = await import('../../src/core/owner.js');
    const row = api.tensor(new Float32Array(1 << 18), { shape: [1 << 18] });
    // Nested scopes have a tape each.
    const nested = (depth: number): number =>
      depth === 0 ? 0 : api.noGrad(() => row.add(1).sum().item() + nested(depth - 1));
    nested(30);
    const idleBytes = 30 * 2 ** 20;
    const before = api.runtimeInfo().inUseBytes;
    expect(before).toBeGreaterThan(idleBytes);
    const blocks: unknown[] = [];
    const fill = (): void => {
      for (;;) blocks.push(new Block(2 ** 20));
    };
    expect(fill).toThrow(/out of memory/);
    expect(blocks.length * 2 ** 20).toBeGreaterThan(2 ** 28 - (before - idleBytes) - 2 ** 22);
  });
});

describe('an allocation that fails', () => {
  interface Case {
    /** Makes what is there before; and what then is tried, and tried again. */
    make(api: Api): { work: () => unknown; state: () => unknown };
  }

  function model(api: Api) {
    api.manualSeed(2);
    const made = new api.nn.Sequential(new api.nn.Linear(3, 40), new api.nn.Tanh(), new api.nn.Linear(40, 2));
    const numbers = (): number[][] => Object.values(made.stateDict()).map(({ data }) => [...data]);
    return { made, numbers };
  }

  /** One step of a loop by itself. */
  function stepOf(
    api: Api,
    make: (parameters: InstanceType<Api['nn']['Parameter']>[]) => { step(): void; stateDict(): unknown },
  ) {
    const { made, numbers } = model(api);
    const optimizer = make(made.parameters());
    const loss = (): void =>
      made
        .forward(api.tensor([[1, 2, 3]]))
        .square()
        .sum()
        .backward();
    return { made, numbers, optimizer, loss };
  }

  const CASES: Record<string, Case> = {
    'new nn.Linear': {
      make: (api) => ({ work: () => new api.nn.Linear(20, 30), state: () => 0 }),
    },
    'new nn.Sequential of several': {
      make: (api) => ({ work: () => model(api).numbers(), state: () => 0 }),
    },
    'new optim.Adam of two groups': {
      make(api) {
        const { made, numbers } = model(api);
        const [first, ...others] = made.parameters();
        return { work: () => new api.optim.Adam([{ params: [first] }, { params: others }]), state: numbers };
      },
    },
    'new optim.EMA': {
      make(api) {
        const { made, numbers } = model(api);
        return { work: () => new api.optim.EMA(made.parameters()), state: numbers };
      },
    },
    'new data.TensorDataset': {
      make: (api) => ({
        work: () => new api.data.DataLoader(new api.data.TensorDataset([[1, 2]], [[3]])),
        state: () => 0,
      }),
    },
    'the first step of Adam': {
      make(api) {
        const { numbers, optimizer, loss } = stepOf(api, (parameters) => new api.optim.Adam(parameters));
        loss();
        return { work: () => optimizer.step(), state: () => [numbers(), optimizer.stateDict()] };
      },
    },
    'the first step of SGD with momentum': {
      make(api) {
        const options = { lr: 0.1, momentum: 0.9 };
        const { numbers, optimizer, loss } = stepOf(
          api,
          (parameters) => new api.optim.SGD(parameters, options),
        );
        loss();
        return { work: () => optimizer.step(), state: () => [numbers(), optimizer.stateDict()] };
      },
    },
    'Adam.loadStateDict, with another learning rate': {
      make(api) {
        const { made, numbers } = model(api);
        const options = { betas: [0.5, 0.6] as const };
        const [first, ...others] = made.parameters();
        const groups = [{ params: [first] }, { params: others }];
        const optimizer = new api.optim.Adam(groups, options);
        const saved = new api.optim.Adam(groups, { ...options, lr: 0.5 }).stateDict();
        made.parameters().forEach(({ size }, i) => {
          saved.state[i] = {
            step: 3,
            expAvg: new Float32Array(size).fill(1),
            expAvgSq: new Float32Array(size).fill(2),
          };
        });
        return {
          work: () => optimizer.loadStateDict(saved),
          state: () => [numbers(), optimizer.stateDict()],
        };
      },
    },
    'SGD.loadStateDict, with a momentum': {
      make(api) {
        const { made, numbers } = model(api);
        const optimizer = new api.optim.SGD(made.parameters(), { lr: 0.1 });
        const saved = new api.optim.SGD(made.parameters(), { lr: 0.2, momentum: 0.5 }).stateDict();
        made.parameters().forEach(({ size }, i) => {
          saved.state[i] = { step: 3, momentumBuffer: new Float32Array(size).fill(1) };
        });
        return {
          work: () => optimizer.loadStateDict(saved),
          state: () => [numbers(), optimizer.stateDict()],
        };
      },
    },
    'a prediction': {
      make(api) {
        const { made, numbers } = model(api);
        return { work: () => made.predict([[1, 2, 3]]), state: numbers };
      },
    },
  };

  it.each(Object.keys(CASES))('in %s, whichever it is, changes nothing and leaks nothing', async (name) => {
    // What it comes to where nothing fails.
    const whole = await load();
    const clean = CASES[name].make(whole.api);
    clean.work();
    const expected = clean.state();
    let failing = 0;
    for (let at = 0; ; at++) {
      const { api, engine } = await load();
      const { work, state } = CASES[name].make(api);
      const before = state();
      await collected();
      const inUse = api.runtimeInfo().inUseBytes;
      const { allocator } = engine;
      const allocate = allocator.allocate.bind(allocator);
      let count = 0;
      const spy = vi.spyOn(allocator, 'allocate').mockImplementation((bytes) => {
        if (count++ === at) throw new RangeError('out of memory: none');
        return allocate(bytes);
      });
      let thrown: unknown;
      try {
        work();
      } catch (error) {
        thrown = error;
      }
      spy.mockRestore();
      if (thrown === undefined) {
        // An arena goes on without; else there was nothing left to fail.
        if (count <= at) break;
        continue;
      }
      failing++;
      expect(thrown).toHaveProperty('message', expect.stringContaining('out of memory: none'));
      expect(state()).toEqual(before);
      await collected();
      const kept = api.runtimeInfo().inUseBytes - inUse;
      work();
      // What was made for the work that failed is used by the one that does not, or was given back.
      const { api: other } = await load();
      const again = CASES[name].make(other);
      const start = other.runtimeInfo().inUseBytes;
      again.work();
      expect(kept).toBeLessThanOrEqual(other.runtimeInfo().inUseBytes - start);
      expect(state()).toEqual(expected);
    }
    expect(failing).toBeGreaterThan(0);
  });
});

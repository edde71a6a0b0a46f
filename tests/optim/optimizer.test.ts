import { describe, expect, it } from 'vitest';
import { capture, data, fit, manualSeed, nn, optim, tensor, type Tensor } from 'wasmgrad';

const loss = new nn.MSELoss();
const rows = Array.from({ length: 6 }, (_, i) => [Math.sin(i), Math.cos(2 * i), i / 6]);
const x = tensor(rows);
const y = tensor(rows.map(([a, b]) => [a * b, a - b]));

/** Each optimizer with options that make it use all its buffers. */
const MAKE: Record<string, (parameters: optim.Parameters<object>) => optim.Optimizer> = {
  SGD: (p) => new optim.SGD(p, { lr: 0.05, momentum: 0.9, nesterov: true, weightDecay: 0.01 }),
  Adam: (p) => new optim.Adam(p, { lr: 0.02, amsgrad: true }),
  AdamW: (p) => new optim.AdamW(p, { lr: 0.02 }),
  NAdam: (p) => new optim.NAdam(p, { lr: 0.02 }),
  RMSprop: (p) => new optim.RMSprop(p, { lr: 0.01, centered: true, momentum: 0.5 }),
  Adagrad: (p) => new optim.Adagrad(p, { lr: 0.1, lrDecay: 0.1, initialAccumulatorValue: 0.1 }),
  Adadelta: (p) => new optim.Adadelta(p, { lr: 1 }),
  Lion: (p) => new optim.Lion(p, { lr: 0.01, weightDecay: 0.1 }),
};
const NAMES = Object.keys(MAKE);

function setUp(name: string) {
  manualSeed(3);
  const model = new nn.Sequential(new nn.Linear(3, 5), new nn.Tanh(), new nn.Linear(5, 2));
  const optimizer = MAKE[name](model.parameters());
  const step = (a: Tensor, b: Tensor): Tensor => {
    optimizer.zeroGrad();
    const value = loss.forward(model.forward(a), b);
    value.backward();
    optimizer.step();
    return value;
  };
  return { model, optimizer, step };
}
const weights = (model: nn.Module): number[] => model.parameters().flatMap(({ data }) => [...data]);

describe.each(NAMES)('%s', (name) => {
  it('gives the same bits captured, and sees options that change under a captured step', () => {
    const runs = [false, true].map((captured) => {
      const made = setUp(name);
      const step = captured ? capture(made.step) : made.step;
      const seen: number[] = [];
      for (let i = 0; i < 9; i++) {
        if (i === 3) made.optimizer.lr = 0.003;
        if (i === 6) (made.optimizer.paramGroups[0] as unknown as { weightDecay: number }).weightDecay = 0.3;
        seen.push(step(x, y).item());
      }
      return [...seen, ...weights(made.model)];
    });
    expect(runs[1]).toEqual(runs[0]);
    const unchanged = setUp(name);
    for (let i = 0; i < 9; i++) unchanged.step(x, y);
    expect(weights(unchanged.model)).not.toEqual(runs[0].slice(9));
  });

  it.each([false, true])('goes on bit for bit from a saved state (captured: %s)', (captured) => {
    const a = setUp(name);
    for (let i = 0; i < 4; i++) a.step(x, y);
    const saved = structuredClone(a.optimizer.stateDict());
    const copy = a.model.stateDict();
    for (let i = 0; i < 4; i++) a.step(x, y);

    const b = setUp(name);
    const step = captured ? capture(b.step) : b.step;
    b.optimizer.lr = 0.5;
    // Steps of its own, whose traces must all be gone.
    for (let i = 0; i < 3; i++) step(x, y);
    b.model.loadStateDict(copy);
    b.optimizer.loadStateDict(saved);
    expect(b.optimizer.stateDict()).toEqual(saved);
    for (let i = 0; i < 4; i++) step(x, y);
    expect(weights(b.model)).toEqual(weights(a.model));
    expect(b.optimizer.stateDict()).toEqual(a.optimizer.stateDict());
  });

  it('forgets its state when an empty one is loaded', () => {
    const a = setUp(name);
    const start = a.model.stateDict();
    const fresh = a.optimizer.stateDict();
    expect(fresh.state).toEqual({});
    const step = capture(a.step);
    step(x, y);
    const first = weights(a.model);
    a.model.loadStateDict(start);
    a.optimizer.loadStateDict(fresh);
    step(x, y);
    expect(weights(a.model)).toEqual(first);
  });

  it('goes down', () => {
    const { step } = setUp(name);
    const first = step(x, y).item();
    for (let i = 0; i < 200; i++) step(x, y);
    expect(step(x, y).item()).toBeLessThan(0.7 * first);
  });
});

describe('parameter groups', () => {
  it('have options of their own, and the common ones otherwise', () => {
    const [a, b] = [1, 1].map((value) => tensor(value, { requiresGrad: true }));
    const optimizer = new optim.SGD([{ params: [a], lr: 0.5 }, { params: b }], { lr: 0.25, weightDecay: 1 });
    expect(optimizer.paramGroups.map(({ lr, weightDecay }) => [lr, weightDecay])).toEqual([
      [0.5, 1],
      [0.25, 1],
    ]);
    a.add(b).backward();
    optimizer.step();
    expect([a.item(), b.item()]).toEqual([0, 0.5]);
    optimizer.paramGroups[0].lr = 0.125;
    expect(optimizer.paramGroups[1].lr).toBe(0.25);
    optimizer.lr = 2;
    expect(optimizer.paramGroups.map(({ lr }) => lr)).toEqual([2, 2]);
    expect(optimizer.parameters).toEqual([a, b]);
  });

  it('keep numbers as they were given', () => {
    const optimizer = new optim.Adam([tensor(1, { requiresGrad: true })], { lr: 1 / 3 });
    expect(optimizer.lr).toBe(1 / 3);
    expect(optimizer.paramGroups[0].betas).toEqual([0.9, 0.999]);
    optimizer.paramGroups[0].betas = [0.5, 0.75];
    expect(optimizer.stateDict().paramGroups[0]).toEqual({
      lr: 1 / 3,
      betas: [0.5, 0.75],
      eps: 1e-8,
      weightDecay: 0,
      amsgrad: false,
      maximize: false,
      params: [0],
    });
  });

  it('climb with maximize: as down along the opposite gradient, also where SGD is applied in place', () => {
    const run = (maximize: boolean, sign: number): number[] => {
      manualSeed(1);
      const model = new nn.Linear(3, 2);
      const optimizer = new optim.SGD(model.parameters(), { lr: 0.1, maximize });
      const step = capture((a: Tensor) => {
        optimizer.zeroGrad();
        const value = model.forward(a).square().mean().mul(sign);
        value.backward();
        optimizer.step();
        return value;
      });
      for (let i = 0; i < 3; i++) step(x);
      return weights(model);
    };
    expect(run(true, 1)).toEqual(run(false, -1));
  });

  it.each([
    ['SGD: momentum begins', 'SGD', {}, [['momentum', 0.9]]],
    ['SGD: momentum ends', 'SGD', { momentum: 0.9 }, [['momentum', 0]]],
    [
      'SGD: momentum begins, ends and begins',
      'SGD',
      {},
      [
        ['momentum', 0.9],
        ['momentum', 0],
        ['momentum', 0.5],
      ],
    ],
    ['SGD: weight decay begins', 'SGD', {}, [['weightDecay', 0.5]]],
    [
      'SGD: dampening with momentum',
      'SGD',
      {},
      [
        ['dampening', 0.5],
        ['momentum', 0.9],
      ],
    ],
    ['RMSprop: momentum begins', 'RMSprop', {}, [['momentum', 0.9]]],
    [
      'RMSprop: momentum begins, ends and begins',
      'RMSprop',
      {},
      [
        ['momentum', 0.9],
        ['momentum', 0],
        ['momentum', 0.9],
      ],
    ],
    [
      'RMSprop: momentum of a centered one',
      'RMSprop',
      { centered: true },
      [
        ['momentum', 0.9],
        ['momentum', 0],
      ],
    ],
    ['Adam: weight decay begins', 'Adam', {}, [['weightDecay', 0.5]]],
    ['AdamW: weight decay ends', 'AdamW', {}, [['weightDecay', 0]]],
  ] as const)('change what is recorded: %s', async (_, name, options, changes) => {
    const run = async (way: 'loop' | 'capture' | 'fit'): Promise<number[]> => {
      manualSeed(3);
      const model = new nn.Linear(3, 2);
      const make = optim[name] as new (p: Tensor[], o: object) => optim.Optimizer;
      const optimizer = new make(model.parameters(), { lr: 0.1, ...options });
      const train = (a: Tensor, b: Tensor): Tensor => {
        optimizer.zeroGrad();
        const value = loss.forward(model.forward(a), b);
        value.backward();
        optimizer.step();
        return value;
      };
      const change = (i: number): void => {
        if (i % 2 !== 0) return;
        const [option, value] = changes[i / 2 - 1] ?? [];
        if (option) (optimizer.paramGroups[0] as unknown as Record<string, number>)[option] = value;
      };
      const steps = 2 * changes.length + 3;
      const seen: number[] = [];
      if (way === 'fit') {
        await fit(model, {
          data: new data.DataLoader(new data.TensorDataset(x, y), { batchSize: 6 }),
          loss,
          optimizer,
          epochs: steps,
          progress: false,
          onEpoch: ({ epoch, loss: value }) => {
            seen.push(value);
            change(epoch);
          },
        });
      } else {
        const step = way === 'capture' ? capture(train) : train;
        for (let i = 1; i <= steps; i++) {
          seen.push(step(x, y).item());
          change(i);
        }
      }
      return [...seen, ...weights(model)];
    };
    const loop = await run('loop');
    expect(await run('capture')).toEqual(loop);
    expect(await run('fit')).toEqual(loop);
  });

  it('refuse what is fixed once they are made', () => {
    const p = [new nn.Parameter([1])];
    const groups = [new optim.SGD(p, { lr: 1 }), new optim.Adam(p), new optim.RMSprop(p)].map(
      ({ paramGroups }) => paramGroups[0] as unknown as Record<string, boolean>,
    );
    ['nesterov', 'amsgrad', 'centered'].forEach((name, i) => {
      expect(() => (groups[i][name] = true)).toThrow(TypeError);
      expect(() => (groups[i].maximize = true)).toThrow(TypeError);
    });
    const ema = new optim.EMA(p);
    expect(() => ((ema as { decay: number }).decay = 0.5)).toThrow(TypeError);
  });

  it('take one more buffer when momentum begins, and keep the others', () => {
    const w = tensor(1, { requiresGrad: true });
    const optimizer = new optim.RMSprop([w], { lr: 0.1 });
    const step = (): void => {
      optimizer.zeroGrad();
      w.square().backward();
      optimizer.step();
    };
    step();
    const before = optimizer.stateDict().state[0];
    optimizer.paramGroups[0].momentum = 0.5;
    optimizer.lr = 0;
    step();
    const after = optimizer.stateDict().state[0];
    expect(Object.keys(after)).toEqual(['step', 'squareAvg', 'momentumBuffer']);
    expect(after.step).toBe(2);
    expect((after.squareAvg as Float32Array)[0]).toBeGreaterThan(
      0.99 * (before.squareAvg as Float32Array)[0],
    );
  });
});

describe('freezing', () => {
  const training = (captured: boolean) => {
    manualSeed(4);
    const model = new nn.Sequential(new nn.Linear(3, 4), new nn.ReLU(), new nn.Linear(4, 2));
    const optimizer = new optim.Adam(model.parameters(), { lr: 0.05 });
    const body = (a: Tensor, b: Tensor): Tensor => {
      optimizer.zeroGrad();
      const value = loss.forward(model.forward(a), b);
      value.backward();
      optimizer.step();
      return value;
    };
    return { model, optimizer, step: captured ? capture(body) : body };
  };

  it('is seen by captured steps at any time', () => {
    const runs = [false, true].map((captured) => {
      const { model, optimizer, step } = training(captured);
      const [first] = model.parameters();
      const seen: number[] = [];
      for (let i = 0; i < 8; i++) {
        if (i === 2 || i === 6) first.requiresGrad = false;
        if (i === 4) first.requiresGrad = true;
        const before = first.toArray();
        seen.push(step(x, y).item());
        const moved = JSON.stringify(first.toArray()) !== JSON.stringify(before);
        expect(moved, `step ${i}`).toBe(first.requiresGrad);
      }
      expect(optimizer.stateDict().state[0].step).toBe(4);
      return [...seen, ...weights(model)];
    });
    expect(runs[1]).toEqual(runs[0]);
  });
});

describe('errors', () => {
  const w = (): Tensor => tensor([1, 2], { requiresGrad: true });
  const shared = w();
  it.each([
    [() => new optim.Adam([w()], { lr: -1 }), /Adam: expected lr to be a finite number ≥ 0, got -1/],
    [() => new optim.Adam([w()], { betas: [0.9, 1] }), /betas\[1\] to be a number in \[0, 1\), got 1$/],
    [() => new optim.Adam([w()], { betas: 0.9 as never }), /betas to be two numbers/],
    [() => new optim.Adam([w()], { eps: NaN }), /eps/],
    [() => new optim.Adam([w()], { amsgrad: 1 as never }), /amsgrad to be true or false, got 1/],
    [() => new optim.Adam([w()], { beta1: 1 } as never), /unknown option 'beta1' \(known: lr, betas/],
    [() => new optim.Adam([{ params: w(), momentum: 1 } as never]), /a group: unknown option 'momentum'/],
    [() => new optim.RMSprop([w()], { alpha: 1 }), /alpha to be a number in \[0, 1\), got 1/],
    [() => new optim.Lion([{ params: [] }]), /at least one parameter/],
    [() => new optim.Adam(3 as never), /Adam: expected an array of parameters or of groups, got 3/],
    [() => new optim.Adam([{ params: shared }, { params: [shared] }]), /stands in two groups/],
    [() => new optim.Adam([{ params: tensor(1) }]), /expected leaves that require a gradient/],
  ])('%s', (action, message) => expect(action).toThrow(message));

  it('of a state that does not fit change nothing', () => {
    const { model, optimizer, step } = setUp('Adam');
    step(x, y);
    const before = optimizer.stateDict();
    const { state, paramGroups } = before;
    const [group] = paramGroups;
    const last = model.parameters().length - 1;
    const wrong: [unknown, RegExp][] = [
      [undefined, /expected what stateDict\(\)/],
      [{}, /expected what stateDict\(\)/],
      [{ ...before, optimizer: 'SGD' }, /expected a state of Adam, got one of SGD/],
      [{ ...before, paramGroups: [] }, /expected 1 groups, got 0/],
      [{ ...before, paramGroups: [{ ...group, params: [0] }] }, /expected 4 parameters in group 0, got 1/],
      [{ ...before, paramGroups: [{ ...group, lr: -1 }] }, /lr/],
      [{ ...before, paramGroups: [{ ...group, amsgrad: false }] }, /expected amsgrad true, got false/],
      [
        { ...before, state: { ...state, [last]: { ...state[last], expAvgSq: [1] } } },
        /expAvgSq of 2 numbers for parameter 3, got 1/,
      ],
      [{ ...before, state: { ...state, [last]: { ...state[last], step: -1 } } }, /number of steps, got -1/],
    ];
    for (const [bad, message] of wrong) {
      expect(() =>
        optimizer.loadStateDict({ ...(bad as object), ...(bad ? { extra: 1 } : {}) } as never),
      ).toThrow(message);
      expect(optimizer.stateDict()).toEqual(before);
    }
    expect(() => {
      (optimizer.paramGroups[0] as unknown as { amsgrad: boolean }).amsgrad = false;
    }).toThrow(TypeError);
  });
});

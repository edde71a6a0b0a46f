import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { capture, manualSeed, nn, optim, tensor, type Tensor } from 'wasmgrad';
import { Opcode } from '../../assembly/opcodes.js';
import { Captured } from '../../src/tensor/captured.js';
import { RULES } from '../../src/tensor/rules.js';

const ALL = Object.keys(RULES);
const crossEntropy = new nn.CrossEntropyLoss();

interface Network {
  layers: number[];
  batch: number;
  activation: 'ReLU' | 'Tanh' | 'GELU';
  soft: boolean;
  options: Omit<optim.SGDOptions, 'lr'>;
  /** Steps between two zeroGrad(). */
  every: number;
}
const plain: Network = {
  layers: [3, 7, 9, 4],
  batch: 5,
  activation: 'ReLU',
  soft: false,
  options: {},
  every: 1,
};

function setUp({ layers, batch, activation, soft, options }: Network) {
  manualSeed(5);
  const modules = layers
    .slice(1)
    .flatMap((width, i) => [new nn.Linear(layers[i], width), new nn[activation]()]);
  const model = new nn.Sequential(...modules.slice(0, -1));
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.1, ...options });
  const classes = layers[layers.length - 1];
  const x = tensor(
    Array.from({ length: batch }, (_, r) => Array.from({ length: layers[0] }, (_, i) => Math.sin(r * 5 + i))),
  );
  const y = tensor(
    Array.from({ length: batch }, (_, r) =>
      soft
        ? Array.from({ length: classes }, (_, c) => (c === r % classes ? 0.75 : 0.25 / classes))
        : r % classes,
    ),
  );
  return { model, optimizer, x, y };
}

/** A training step, captured; `zero` tells whether it clears the gradients first. */
function stepOf({ model, optimizer }: ReturnType<typeof setUp>, zero: boolean) {
  return (a: Tensor, b: Tensor): Tensor[] => {
    if (zero) optimizer.zeroGrad();
    const output = model.forward(a);
    const loss = crossEntropy.forward(output, b);
    loss.backward();
    optimizer.step();
    return [loss, output];
  };
}

/** Losses, outputs and weights of some steps: spelled out, or captured without some of the rules. */
function train(network: Network, withoutRules?: readonly string[]): number[] {
  const made = setUp(network);
  const seen: number[] = [];
  const step = stepOf(made, network.every === 1);
  const call = withoutRules ? capture(step, { withoutRules }) : step;
  for (let i = 0; i < 6; i++) {
    if (network.every > 1 && i % network.every === 0) made.optimizer.zeroGrad();
    for (const result of call(made.x, made.y)) seen.push(...result.data);
  }
  return [...seen, ...made.model.parameters().flatMap((parameter) => [...parameter.data])];
}

/** The opcodes of a step after the rules. */
function opcodes(network: Network, withoutRules: readonly string[] = []): Opcode[] {
  const made = setUp(network);
  const captured = new Captured('test', stepOf(made, network.every === 1), { withoutRules });
  return captured
    .run([made.x, made.y])
    .tape.program.read()
    .map(({ opcode }) => opcode);
}
const count = (list: readonly Opcode[], opcode: Opcode): number =>
  list.filter((one) => one === opcode).length;

describe('rewrite rules', () => {
  it('leave a step of a ReLU network nothing to remove', () => {
    const names = { [Opcode.GEMM]: 'product', [Opcode.CROSS_ENTROPY]: 'loss', [Opcode.REDUCE]: 'sum' };
    expect(opcodes(plain).map((opcode) => (names as Record<number, string>)[opcode])).toEqual([
      // forward
      'product',
      'product',
      'product',
      // loss with its gradient, and its mean
      'loss',
      'sum',
      // for each layer the gradient of its input, and the updates of weight and bias
      'product',
      'product',
      'sum',
      'product',
      'product',
      'sum',
      'product',
      'sum',
    ]);
  });

  it.each([
    ['constantOnce', 1],
    ['linearRelu', 2],
    ['reluGradient', 2],
    ['crossEntropyGradient', 1],
    ['updateInPlace', 6],
  ] as const)('%s takes away %i instructions and not a bit', (rule, removed) => {
    const others = ALL.filter(
      (name) => name !== rule && !(rule === 'crossEntropyGradient' && name === 'constantOnce'),
    );
    const without = rule === 'crossEntropyGradient' ? [...others, rule] : ALL;
    expect(opcodes(plain, without).length - opcodes(plain, others).length).toBe(removed);
    expect(train(plain, others)).toEqual(train(plain, ALL));
    expect(train(plain, others)).toEqual(train(plain));
  });

  it('change no bit of any network', () => {
    const width = fc.integer({ min: 1, max: 20 });
    const networks: fc.Arbitrary<Network> = fc.record({
      layers: fc.array(width, { minLength: 2, maxLength: 4 }).map((list) => [...list, (list[0] % 7) + 2]),
      batch: fc.integer({ min: 1, max: 18 }),
      activation: fc.constantFrom('ReLU', 'Tanh', 'GELU'),
      soft: fc.boolean(),
      options: fc.constantFrom(
        {},
        { weightDecay: 0.01 },
        { momentum: 0.9 },
        { momentum: 0.5, nesterov: true },
      ),
      every: fc.constantFrom(1, 1, 2, 3),
    });
    fc.assert(
      fc.property(networks, fc.subarray(ALL), (network, without) => {
        expect(train(network, without)).toEqual(train(network));
      }),
      { numRuns: 60 },
    );
  });

  it('keep their hands off gradients that somebody else needs', () => {
    const updates = (network: Network): number => count(opcodes(network), Opcode.UPDATE);
    expect(updates(plain)).toBe(0);
    expect(updates({ ...plain, options: { momentum: 0.9 } })).toBe(6);
    expect(updates({ ...plain, every: 2 })).toBe(6);
    const { model, optimizer, x, y } = setUp(plain);
    const [weight] = model.parameters();
    const returned = capture((a: Tensor, b: Tensor) => {
      optimizer.zeroGrad();
      crossEntropy.forward(model.forward(a), b).backward();
      optimizer.step();
      return weight.grad!;
    });
    const first = returned(x, y).toArray();
    const second = returned(x, y).toArray();
    expect(second).not.toEqual(first);
    expect(weight.grad!.toArray()).toEqual(second);
  });

  it('leave a weight that is used twice, or read between its gradient and the step, as it was', () => {
    const run = (captured: boolean): number[] => {
      manualSeed(2);
      const [twice, once] = [new nn.Linear(4, 4), new nn.Linear(4, 4)];
      const parameters = [...twice.parameters(), ...once.parameters()];
      const optimizer = new optim.SGD(parameters, { lr: 0.1 });
      const body = (a: Tensor): Tensor => {
        optimizer.zeroGrad();
        const hidden = twice.forward(a).relu();
        const loss = once.forward(twice.forward(hidden).relu().add(hidden)).square().mean();
        loss.backward();
        const norm = once.weight.square().sum().add(once.bias!.square().sum());
        optimizer.step();
        return norm;
      };
      const call = captured ? capture(body) : body;
      const rows = tensor([
        [1, -2, 3, 0.5],
        [0.1, 2, -1, 1],
      ]);
      const seen = Array.from({ length: 5 }, () => call(rows).item());
      return [...seen, ...parameters.flatMap((parameter) => [...parameter.data])];
    };
    expect(run(true)).toEqual(run(false));
  });

  it('leave logits and hidden values that two losses share', () => {
    const run = (captured: boolean): number[] => {
      const { model, optimizer, x, y } = setUp(plain);
      const [first, ...rest] = model.layers;
      const body = (a: Tensor, b: Tensor): Tensor => {
        optimizer.zeroGrad();
        const sum = first.forward(a);
        const logits = rest.reduce((value, layer) => layer.forward(value), sum);
        const loss = logits.square().mean().add(crossEntropy.forward(logits, b)).add(sum.relu().mean());
        loss.backward();
        optimizer.step();
        return loss;
      };
      const call = captured ? capture(body) : body;
      const seen = Array.from({ length: 5 }, () => call(x, y).item());
      return [...seen, ...model.parameters().flatMap((parameter) => [...parameter.data])];
    };
    expect(run(true)).toEqual(run(false));
  });

  it('leave gradients that are added up, in a leaf or from the parts of a stack', () => {
    const run = (captured: boolean): number[] => {
      const logits = tensor([[0.5, -1, 2]], { requiresGrad: true });
      const weight = tensor(
        [
          [0.5, -1],
          [2, 0.25],
        ],
        { requiresGrad: true },
      );
      const body = (a: Tensor, b: Tensor): Tensor[] => {
        weight.grad = null;
        a.matmul(weight).square().sum().backward();
        const loss = crossEntropy.forward(logits, b);
        loss.backward();
        return [loss, logits.grad!, weight.grad!];
      };
      const call = captured ? capture(body) : body;
      const stack = tensor([[[1, 2]], [[3, -1]], [[0.5, 4]]]);
      return Array.from({ length: 4 }, () =>
        call(stack, tensor([1])).flatMap((result) => [...result.data]),
      ).flat();
    };
    expect(run(true)).toEqual(run(false));
  });

  it('leave sums that somebody reads besides the ReLU', () => {
    const run = (captured: boolean): number[] => {
      manualSeed(2);
      const layer = new nn.Linear(4, 4);
      const body = (a: Tensor): Tensor[] => {
        const sum = layer.forward(a);
        return [sum.relu(), sum, sum.relu().mul(sum)];
      };
      const call = captured ? capture(body) : body;
      call(tensor([[1, -2, 3, 0.5]]));
      return call(tensor([[0.1, 2, -1, 1]])).flatMap((result) => [...result.data]);
    };
    expect(run(true)).toEqual(run(false));
  });

  it('tell whoever reads an applied gradient, and keep it where asked', () => {
    const step = (keepGradients: boolean) => {
      const made = setUp(plain);
      const call = capture(stepOf(made, true), { keepGradients });
      call(made.x, made.y);
      call(made.x, made.y);
      return made;
    };
    const kept = step(true);
    const applied = step(false);
    expect([...kept.model.parameters()[0].data]).toEqual([...applied.model.parameters()[0].data]);
    expect(kept.model.parameters()[0].grad!.shape).toEqual([7, 3]);
    expect(() => applied.model.parameters()[0].grad).toThrow(/keepGradients: true/);
    expect(() => applied.optimizer.step()).toThrow(/keepGradients: true/);
    // The next backward() begins with nothing, as after zeroGrad().
    crossEntropy.forward(applied.model.forward(applied.x), applied.y).backward();
    kept.optimizer.zeroGrad();
    crossEntropy.forward(kept.model.forward(kept.x), kept.y).backward();
    expect([...applied.model.parameters()[0].grad!.data]).toEqual([...kept.model.parameters()[0].grad!.data]);
  });

  it('leave a gradient where another captured function writes it', () => {
    const run = (captured: boolean): number[] => {
      const made = setUp(plain);
      const step = stepOf(made, true);
      const [first] = made.model.parameters();
      const kept = captured ? capture(step, { keepGradients: true }) : step;
      const applied = captured ? capture(step) : step;
      const seen: number[] = [];
      for (let i = 0; i < 6; i++) {
        seen.push(...kept(made.x, made.y)[0].data, ...first.grad!.data);
        seen.push(...applied(made.x, made.y)[0].data);
        if (captured) expect(() => first.grad).toThrow(/keepGradients: true/);
        // Whoever takes memory that was given back too early writes over it.
        seen.push(...tensor(new Float32Array(first.size).fill(i), { requiresGrad: true }).data);
      }
      return [...seen, ...made.model.parameters().flatMap((parameter) => [...parameter.data])];
    };
    expect(run(true)).toEqual(run(false));
  });

  it('refuse a name they do not know', () => {
    expect(() => capture((x: Tensor) => x, { withoutRules: ['fuse'] })).toThrow(
      /unknown rule 'fuse' \(known: constantOnce/,
    );
  });
});

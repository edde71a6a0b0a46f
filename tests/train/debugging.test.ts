import { describe, expect, it } from 'vitest';
import {
  AnomalyError,
  callbacks,
  data,
  deadUnits,
  fit,
  layerStatistics,
  manualSeed,
  nn,
  noGrad,
  optim,
  tensor,
  type FitOptions,
  type LayerStatistics,
  type Tensor,
} from 'wasmgrad';

const points = Array.from({ length: 50 }, (_, i) => [Math.sin(i), Math.cos(3 * i), (i % 7) / 7]);
const classes = points.map(([a, b]) => (a > b ? 1 : 0));
const dataset = new data.TensorDataset(points, classes);
const loss = new nn.CrossEntropyLoss();
const weights = (model: nn.Module): number[] =>
  model.parameters().flatMap((parameter) => [...parameter.data]);

/** Any function of tensors as a layer. */
class Apply extends nn.Module {
  constructor(readonly fn: (x: Tensor) => Tensor) {
    super();
  }
  override forward(x: Tensor): Tensor {
    return this.fn(x);
  }
}
function network(...layers: nn.Module[]) {
  manualSeed(4);
  return new nn.Sequential(new nn.Linear(3, 6), ...layers, new nn.Linear(6, 2));
}
function train(model: nn.Module, options: Partial<FitOptions> = {}, momentum = 0.9) {
  return fit(model, {
    data: new data.DataLoader(dataset, { batchSize: 8, shuffle: true, seed: 2 }),
    loss,
    optimizer: new optim.SGD(model.parameters(), { lr: 0.1, momentum }),
    epochs: 3,
    ...options,
  });
}

describe('fit with anomaly', () => {
  it.each([0, 0.9])('learns the same, bit for bit (momentum %d)', async (momentum) => {
    const make = () => network(new nn.ReLU(), new nn.Dropout(0.3));
    const plain = make();
    await train(plain, {}, momentum);
    const watched = make();
    await train(watched, { anomaly: true }, momentum);
    expect(weights(watched)).toEqual(weights(plain));
    expect(Object.keys(watched.layers[0])).not.toContain('forward');
  });

  it('names operation and layer, forward, and leaves the weights of the step before', async () => {
    let calls = 0;
    const breaking = new Apply((x) => (++calls === 9 ? x.mul(0).log() : x));
    const model = network(breaking);
    let last: number[] = [];
    const error = await train(model, { anomaly: true, onBatch: () => void (last = weights(model)) }).catch(
      (reason: unknown) => reason as AnomalyError,
    );
    expect(error).toBeInstanceOf(AnomalyError);
    expect(error).toMatchObject({ operation: 'log', phase: 'forward', layer: '1', value: -Infinity });
    expect((error as AnomalyError).message).toMatch(
      /^log: the result \[8, 6\] is -Infinity at \[0, 0\] in layer '1'; /,
    );
    expect(weights(model)).toEqual(last);
  });

  it('names operation and layer, backward', async () => {
    const model = network(new Apply((x) => x.sub(x.detach()).sqrt()));
    const before = weights(model);
    await expect(train(model, { anomaly: true })).rejects.toMatchObject({
      operation: 'sqrt',
      phase: 'backward',
      layer: '1',
    });
    expect(weights(model)).toEqual(before);
    // Without it, the loss is finite and nothing is said until the weights are NaN.
    await expect(train(model)).rejects.toThrow(/the loss became NaN in epoch 1, batch 2/);
  });
});

describe('layerStatistics', () => {
  const batch = [points, classes] as const;

  it('tells what each layer gives and which gradients arrive', () => {
    const model = network(new nn.ReLU());
    const report = layerStatistics(model, batch, loss);
    expect(report.map(({ layer, kind }) => [layer, kind])).toEqual([
      ['0', 'Linear'],
      ['1', 'ReLU'],
      ['2', 'Linear'],
    ]);
    const hidden = model.layers[0].forward(tensor(points)).relu().data;
    const mean = hidden.reduce((a, b) => a + b, 0) / hidden.length;
    const { activation } = report[1];
    expect(activation.count).toBe(300);
    expect(activation.mean).toBeCloseTo(mean, 12);
    expect(activation.std).toBeCloseTo(
      Math.sqrt(hidden.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 300),
      12,
    );
    expect([activation.min, activation.max]).toEqual([Math.min(...hidden), Math.max(...hidden)]);
    expect(activation.zeros).toBe(hidden.filter((value) => value === 0).length / 300);
    loss.forward(model.forward(tensor(points)), classes).backward();
    const gradient = model.parameters()[0].grad!.data;
    expect(report[0].gradients.weight.max).toBe(Math.max(...gradient));
    expect(Object.keys(report[2].gradients)).toEqual(['weight', 'bias']);
    expect(report[1].gradients).toEqual({});
  });

  it('finds layers inside of others, and the one that is the model', () => {
    class Residual extends nn.Module {
      inner = new nn.Linear(6, 6);
      scale = new nn.Parameter([1, 1, 1, 1, 1, 1]);
      override forward(x: Tensor): Tensor {
        return this.inner.forward(x).mul(this.scale).add(x);
      }
    }
    const report = layerStatistics(network(new Residual()), batch, loss);
    expect(report.map(({ layer }) => layer)).toEqual(['0', '1', '1.inner', '2']);
    expect(Object.keys(report[1].gradients)).toEqual(['scale']);
    expect(layerStatistics(new nn.Linear(3, 2), batch, loss).map(({ layer }) => layer)).toEqual(['']);
  });

  it('leaves weights, gradients, modes and pending results as they are', () => {
    const model = network(new nn.Dropout(0.5));
    loss.forward(model.forward(tensor(points)), classes).backward();
    const gradients = () => model.parameters().map(({ grad }) => grad!.data);
    const [before, state] = [gradients(), weights(model)];
    const pending = tensor(3, { requiresGrad: true });
    const value = pending.square();
    layerStatistics(model, batch, loss);
    expect(gradients()).toEqual(before);
    expect(weights(model)).toEqual(state);
    expect(model.training).toBe(true);
    value.backward();
    expect(pending.grad!.item()).toBe(6);
    expect(() => layerStatistics(model, [[[1, 2]], [1]], loss)).toThrow(/linear/);
    expect(gradients()).toEqual(before);
    expect(Object.keys(model.layers[0])).not.toContain('forward');
    expect(() => layerStatistics({} as never, batch, loss)).toThrow(/expected a model/);
    expect(() => layerStatistics(model, batch, {} as never)).toThrow(/expected a loss/);
  });

  it('is a callback that does not change what is learnt', async () => {
    const [plain, looked] = [network(new nn.Dropout(0.2)), network(new nn.Dropout(0.2))];
    manualSeed(4);
    await train(plain);
    manualSeed(4);
    const reports: [number, LayerStatistics[]][] = [];
    const monitor = new callbacks.LayerMonitor(batch, (layers, epoch) => void reports.push([epoch, layers]), {
      every: 2,
    });
    await train(looked, { epochs: 3, callbacks: [monitor] });
    expect(reports.map(([epoch]) => epoch)).toEqual([2]);
    expect(weights(looked)).toEqual(weights(plain));
    expect(() => new callbacks.LayerMonitor(batch, 3 as never)).toThrow(/a function to report to/);
    expect(() => new callbacks.LayerMonitor(batch, () => undefined, { every: 0 })).toThrow(/every/);
  });
});

describe('deadUnits', () => {
  it('counts units that give 0 for every row, wherever relu is called', async () => {
    class Twice extends nn.Module {
      override forward(x: Tensor): Tensor {
        return x.sub([0, 0, 0, 0, 0, 100]).relu().add(x.neg().relu());
      }
    }
    const model = network(new nn.ReLU(), new Twice());
    const state = model.stateDict();
    const bias = [0, -50, 0, -50, 0, 0];
    model.loadStateDict({ ...state, '0.bias': bias });
    const loader = () => new data.DataLoader(dataset, { batchSize: 8 });
    const report = await deadUnits(model, loader());
    const hidden = noGrad(() => model.layers[0].forward(tensor(points))).toArray() as number[][];
    const dead = bias.map((_, unit) => unit).filter((unit) => hidden.every((row) => row[unit] <= 0));
    expect(dead).toEqual(expect.arrayContaining([1, 3]));
    expect(report).toEqual([
      { layer: '1', units: 6, dead },
      { layer: '2', units: 6, dead: [...new Set([...dead, 5])].toSorted() },
      { layer: '2#2', units: 6, dead: [0, 1, 2, 3, 4, 5] },
    ]);
    expect(model.training).toBe(true);
    expect(await deadUnits(new nn.Linear(3, 2), loader())).toEqual([]);
    await expect(deadUnits(3 as never, loader())).rejects.toThrow(/expected a model/);
    await expect(deadUnits(model, 3 as never)).rejects.toThrow(/deadUnits: expected data/);
  });
});

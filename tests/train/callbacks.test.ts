import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  callbacks,
  data,
  fit,
  manualSeed,
  metrics,
  nn,
  optim,
  type Callback,
  type EpochReport,
  type FitOptions,
  type Training,
} from 'wasmgrad';

const points = Array.from({ length: 50 }, (_, i) => [Math.sin(i), Math.cos(3 * i), (i % 7) / 7]);
const classes = points.map(([a, b]) => (a > b ? 1 : 0));
const loss = new nn.CrossEntropyLoss();

function setUp(lr = 0.1) {
  manualSeed(11);
  const model = new nn.Sequential(new nn.Linear(3, 8), new nn.Tanh(), new nn.Linear(8, 2));
  const optimizer = new optim.SGD(model.parameters(), { lr });
  const loader = new data.DataLoader(new data.TensorDataset(points, classes), {
    batchSize: 8,
    shuffle: true,
    seed: 3,
  });
  return { model, optimizer, loader };
}
const weights = (model: nn.Module): number[] =>
  model.parameters().flatMap((parameter) => [...parameter.data]);
function run(given: Callback[], options: Partial<FitOptions> = {}, set = setUp()) {
  const { model, optimizer, loader } = set;
  return fit(model, { data: loader, loss, optimizer, epochs: 4, callbacks: given, ...options });
}
const later = () => new Promise<void>((resolve) => setTimeout(resolve, 1));

describe('callbacks', () => {
  it('are called in order, and waited for', async () => {
    const seen: string[] = [];
    const slow: Callback = {
      onTrainBegin: async ({ epochs, batches }) => {
        await later();
        seen.push(`begin ${epochs} ${batches}`);
      },
      onEpochBegin: async (epoch) => {
        await later();
        seen.push(`epoch ${epoch}`);
      },
      onBatchEnd: async ({ epoch, batch }) => {
        await later();
        seen.push(`${epoch}.${batch}`);
      },
      onEpochEnd: async ({ epoch }) => {
        await later();
        seen.push(`end ${epoch}`);
      },
      onTrainEnd: async ({ epochs }) => {
        await later();
        seen.push(`done ${epochs.length}`);
      },
    };
    const quick: Callback = { onBatchEnd: ({ epoch, batch }) => void seen.push(`${epoch}.${batch} too`) };
    await run([slow, quick], { epochs: 2 });
    const batches = (epoch: number) =>
      [1, 2, 3, 4, 5, 6, 7].flatMap((b) => [`${epoch}.${b}`, `${epoch}.${b} too`]);
    expect(seen).toEqual([
      'begin 2 7',
      'epoch 1',
      ...batches(1),
      'end 1',
      'epoch 2',
      ...batches(2),
      'end 2',
      'done 2',
    ]);
  });

  it('do not change what is learnt', async () => {
    const [plain, heard] = [setUp(), setUp()];
    await run([], {}, plain);
    const reports: { rows: number; meanLoss: number }[] = [];
    const history = await run([{ onBatchEnd: (report) => void reports.push(report) }], {}, heard);
    expect(weights(heard.model)).toEqual(weights(plain.model));
    expect(reports.slice(0, 7).map(({ rows }) => rows)).toEqual([8, 16, 24, 32, 40, 48, 50]);
    expect(reports[6].meanLoss).toBe(history.epochs[0].loss);
  });

  it('may stop after an epoch, or after a batch', async () => {
    const after = (epochs: number): Callback => ({
      onEpochEnd: ({ epoch }, training) => (epoch === epochs ? training.stop() : undefined),
    });
    expect((await run([after(2)])).epochs).toHaveLength(2);
    let batches = 0;
    const history = await run([
      {
        onBatchEnd({ epoch, batch }, training) {
          batches++;
          if (epoch === 2 && batch === 3) training.stop();
        },
      },
    ]);
    expect([history.epochs.length, batches]).toEqual([1, 10]);
  });

  it('are told why training failed, and cannot hide it', async () => {
    let seen: unknown;
    const ending: Callback = {
      onTrainEnd(_, { error }) {
        seen = error;
        throw new Error('another one');
      },
    };
    const failing: Callback = {
      onEpochEnd() {
        throw new Error('the first one');
      },
    };
    await expect(run([failing, ending])).rejects.toThrow('the first one');
    expect((seen as Error).message).toBe('the first one');
    await expect(run([ending])).rejects.toThrow('another one');
  });

  it('are checked', async () => {
    await expect(run([{} as never])).rejects.toThrow(/callback 0 has none of the methods onTrainBegin/);
    await expect(run(3 as never)).rejects.toThrow(/callbacks to be an array/);
    await expect(run([], { metrics: ['f1'] })).rejects.toThrow(/metrics are figures of the validation/);
  });
});

describe('metrics of the validation', () => {
  it('are in the history by name', async () => {
    const set = setUp();
    const history = await run(
      [],
      { validation: set.loader, metrics: ['f1', 'rocAuc', new metrics.Recall({ average: 'none' })] },
      set,
    );
    expect(Object.keys(history.epochs[0])).toEqual([
      'epoch',
      'loss',
      'seconds',
      'validationLoss',
      'validationF1',
      'validationRocAuc',
      'validationRecall.0',
      'validationRecall.1',
    ]);
    expect(history.epochs[3].validationF1).toBeGreaterThan(0.5);
  });
});

describe('EarlyStopping', () => {
  /** Trains with figures of one's own in the place of the validation. */
  async function withFigures(figures: number[], options: callbacks.EarlyStoppingOptions) {
    const set = setUp();
    const after: number[][] = [];
    const fake: Callback = {
      onEpochEnd(report) {
        report.validationLoss = figures[report.epoch - 1];
        after.push(weights(set.model));
      },
    };
    const stopping = new callbacks.EarlyStopping(options);
    const history = await run([fake, stopping], { epochs: figures.length }, set);
    return { set, after, stopping, history };
  }

  it('stops when nothing gets better, with the best weights', async () => {
    const { set, after, stopping, history } = await withFigures([5, 3, 2, 2.5, 2, 4, 1], { patience: 3 });
    expect(history.epochs).toHaveLength(6);
    expect([stopping.best, stopping.bestEpoch, stopping.stoppedEpoch]).toEqual([2, 3, 6]);
    expect(weights(set.model)).toEqual(after[2]);
    expect(after[2]).not.toEqual(after[5]);
  });

  it('restores them at the regular end too, unless it should not', async () => {
    const { set, after, stopping } = await withFigures([5, 1, 3], { patience: 3 });
    expect(stopping.stoppedEpoch).toBe(undefined);
    expect(weights(set.model)).toEqual(after[1]);
    const kept = await withFigures([5, 1, 3, 3], { patience: 2, restoreBest: false });
    expect(weights(kept.set.model)).toEqual(kept.after[3]);
  });

  it('counts epochs in a row', async () => {
    const { stopping } = await withFigures([5, 6, 4, 6, 6, 6], { patience: 2 });
    expect([stopping.bestEpoch, stopping.stoppedEpoch]).toEqual([3, 5]);
  });

  it('wants an improvement of minDelta, and takes NaN for none', async () => {
    const { stopping } = await withFigures([5, 4.95, 4.91, NaN], { patience: 3, minDelta: 0.1 });
    expect([stopping.bestEpoch, stopping.stoppedEpoch]).toEqual([1, 4]);
  });

  it('knows which figures should be large', async () => {
    const maximise = await withFigures([1, 2, 1], { mode: 'max', patience: 3 });
    expect(maximise.stopping.bestEpoch).toBe(2);
    const set = setUp();
    let goals: Training['goals'] = {};
    const look: Callback = { onTrainBegin: (training) => void (goals = training.goals) };
    const stopping = new callbacks.EarlyStopping({ monitor: 'validationAccuracy', patience: 50 });
    const history = await run([look, stopping], { epochs: 10, validation: set.loader }, set);
    const best = Math.max(...history.epochs.map((epoch) => epoch.validationAccuracy!));
    expect(goals).toEqual({ loss: 'min', validationLoss: 'min', validationAccuracy: 'max' });
    expect(stopping.best).toBe(best);
    const perClass = new callbacks.EarlyStopping({ monitor: 'validationRecall.1' });
    await run(
      [perClass],
      { validation: set.loader, metrics: [new metrics.Recall({ average: 'none' })] },
      set,
    );
    expect(perClass.best).toBeGreaterThan(0);
  });

  it('leaves the last weights where training fails', async () => {
    const set = setUp();
    let last: number[] = [];
    const failing: Callback = {
      onEpochEnd({ epoch }) {
        last = weights(set.model);
        if (epoch === 3) throw new Error('no');
      },
    };
    const better: Callback = { onEpochEnd: (report) => void (report.validationLoss = report.epoch) };
    await expect(run([better, new callbacks.EarlyStopping(), failing], {}, set)).rejects.toThrow('no');
    expect(weights(set.model)).toEqual(last);
  });

  it('refuses what it cannot watch', async () => {
    await expect(run([new callbacks.EarlyStopping({ monitor: 'validationF1' })])).rejects.toThrow(
      /EarlyStopping: there is no figure 'validationF1' to monitor \(there are: epoch, loss, seconds\)/,
    );
    expect(() => new callbacks.EarlyStopping({ patience: 0 })).toThrow(/patience/);
    expect(() => new callbacks.EarlyStopping({ mode: 'best' as never })).toThrow(/mode 'min' or 'max'/);
    expect(() => new callbacks.EarlyStopping({ minDelta: -1 })).toThrow(/minDelta/);
    expect(() => new callbacks.EarlyStopping({ paticence: 1 } as never)).toThrow(/unknown option/);
  });
});

describe('ModelCheckpoint', () => {
  it('saves what is better than before, or everything', async () => {
    const figures = [3, 4, 2, 2];
    const fake: Callback = {
      onEpochEnd: (report) => void (report.validationLoss = figures[report.epoch - 1]),
    };
    const set = setUp();
    const best: number[] = [];
    const all: number[] = [];
    let written: nn.StateDict = {};
    const checkpoint = new callbacks.ModelCheckpoint(async ({ state, report }) => {
      await later();
      written = state;
      best.push(report.epoch);
    });
    await run(
      [
        fake,
        checkpoint,
        new callbacks.ModelCheckpoint(({ history }) => void all.push(history.epochs.length), {
          bestOnly: false,
        }),
      ],
      {},
      set,
    );
    expect(best).toEqual([1, 3]);
    expect(checkpoint.bestEpoch).toBe(3);
    expect(all).toEqual([1, 2, 3, 4]);
    const last = weights(set.model);
    set.model.loadStateDict(written);
    expect(weights(set.model)).not.toEqual(last);
  });

  it('is checked', () => {
    expect(() => new callbacks.ModelCheckpoint(3 as never)).toThrow(/a function that saves/);
    expect(() => new callbacks.ModelCheckpoint(() => undefined, { every: 0 })).toThrow(/every/);
  });
});

describe('states of callbacks', () => {
  const good = { best: 1, bestEpoch: 2, waited: 1, bestWeights: { weight: [1] } };
  const wrong: [string, unknown, RegExp][] = [
    ...[undefined, null, 3, 'x', [], new Map(), new Date(0), Promise.resolve()].map(
      (state): [string, unknown, RegExp] => [
        Object.prototype.toString.call(state),
        state,
        /expected what stateDict\(\) gave, got /,
      ],
    ),
    ['best: a text', { ...good, best: '1' }, /expected best to be a number, got string "1"/],
    ['best: NaN', { ...good, best: Number.NaN }, /expected best to be a number.*, got NaN/],
    ['bestEpoch: NaN', { ...good, bestEpoch: Number.NaN }, /expected bestEpoch to be an integer ≥ 0/],
    ['bestEpoch: a text', { ...good, bestEpoch: '2' }, /expected bestEpoch to be an integer ≥ 0/],
  ];
  it.each(wrong)('are refused by EarlyStopping and ModelCheckpoint: %s', (_, state, message) => {
    for (const one of [new callbacks.EarlyStopping(), new callbacks.ModelCheckpoint(() => undefined)]) {
      const before = one.stateDict();
      expect(() => one.loadStateDict(state)).toThrow(message);
      expect(one.stateDict()).toEqual(before);
    }
  });

  it.each<[string, unknown, RegExp]>([
    ['no waited', { best: 1 }, /expected waited to be an integer ≥ 0/],
    ['waited: NaN', { ...good, waited: Number.NaN }, /expected waited to be an integer ≥ 0, got NaN/],
    ['waited: a text', { ...good, waited: '1' }, /expected waited to be an integer ≥ 0/],
    ['stoppedEpoch: -1', { ...good, stoppedEpoch: -1 }, /expected stoppedEpoch to be an integer ≥ 0, got -1/],
    ['bestWeights: a list', { ...good, bestWeights: [1] }, /expected bestWeights to be lists of numbers by/],
    ['bestWeights: null inside', { ...good, bestWeights: { a: [null] } }, /bestWeights a: expected numbers/],
    [
      'bestWeights: texts',
      { ...good, bestWeights: { a: ['1'] } },
      /bestWeights a: expected numbers, got str/,
    ],
    [
      'bestWeights: no list',
      { ...good, bestWeights: { a: null } },
      /bestWeights a: expected a number, nested/,
    ],
  ])('are refused by EarlyStopping: %s', (_, state, message) => {
    const stopping = new callbacks.EarlyStopping();
    stopping.loadStateDict(good);
    const before = stopping.stateDict();
    expect(() => stopping.loadStateDict(state)).toThrow(message);
    expect(stopping.stateDict()).toEqual(before);
  });

  it.each([undefined, null, 'x', {}, [3], [null], new Array(2)])('are refused by LRLogger: %j', (state) => {
    const rates = new callbacks.LRLogger();
    expect(() => rates.loadStateDict(state)).toThrow(/^LRLogger: expected the list that stateDict\(\) gave/);
    expect(rates.entries).toEqual([]);
  });

  it.each([
    ['JSON', (state: unknown) => JSON.parse(JSON.stringify(state))],
    ['structuredClone', (state: unknown) => structuredClone(state)],
  ])('keep weights that are infinite or NaN through %s', (_, through) => {
    const bestWeights = { weight: [1, Infinity, -Infinity, Number.NaN] };
    const [one, other] = [new callbacks.EarlyStopping(), new callbacks.EarlyStopping()];
    one.loadStateDict({ ...good, bestWeights });
    other.loadStateDict(through(one.stateDict()));
    expect(other.stateDict()).toEqual({ ...good, bestWeights });
  });
});

describe('LRLogger', () => {
  it('notes the rate of each epoch or step', async () => {
    const set = setUp(0.5);
    const [epochs, batches] = [new callbacks.LRLogger(), new callbacks.LRLogger({ every: 'batch' })];
    const logged: number[] = [];
    const heard = new callbacks.LRLogger({ log: ({ epoch }) => void logged.push(epoch) });
    await run(
      [epochs, batches, heard],
      {
        epochs: 2,
        onEpoch: () => {
          set.optimizer.lr = 0.25;
        },
      },
      set,
    );
    expect(epochs.entries).toEqual([
      { epoch: 1, lr: 0.5 },
      { epoch: 2, lr: 0.25 },
    ]);
    expect(batches.entries).toHaveLength(14);
    expect(batches.entries[7]).toEqual({ epoch: 2, batch: 1, lr: 0.25 });
    expect(logged).toEqual([1, 2]);
    expect(() => new callbacks.LRLogger({ every: 'step' as never })).toThrow(/every/);
  });

  it('notes one rate for each group of parameters', async () => {
    const set = setUp();
    const groups = set.model.parameters().map((parameter, i) => ({ params: [parameter], lr: 2 ** -i / 8 }));
    const optimizer = new optim.SGD(groups, { lr: 1 });
    const rates = new callbacks.LRLogger();
    await run([rates], { epochs: 1 }, { ...set, optimizer });
    expect(rates.entries).toEqual([{ epoch: 1, lr: [1 / 8, 1 / 16, 1 / 32, 1 / 64] }]);
  });
});

describe('ProgressBar', () => {
  it('moves with the batches, and says loss and rate', async () => {
    const seen: callbacks.ProgressReport[] = [];
    const means: number[] = [];
    const bar = new callbacks.ProgressBar({ show: (report) => void seen.push(report) });
    await run([bar, { onBatchEnd: ({ meanLoss }) => void means.push(meanLoss) }], { epochs: 2 });
    expect(seen.map(({ epoch }) => epoch)).toEqual([...Array(7).fill(1), ...Array(7).fill(2)]);
    seen.forEach(({ share, epochs }, i) => {
      expect(share).toBeCloseTo((i + 1) / 14, 12);
      expect(epochs).toBe(2);
    });
    expect(seen.map(({ loss: value }) => value)).toEqual(means);
    expect(seen.every(({ rowsPerSecond }) => rowsPerSecond! > 0)).toBe(true);
  });

  it('moves with the epochs, and hears of no batch', async () => {
    const seen: callbacks.ProgressReport[] = [];
    const bar = new callbacks.ProgressBar({ every: 'epoch', show: (report) => void seen.push(report) });
    const { epochs } = await run([bar]);
    expect(bar.onBatchEnd).toBeUndefined();
    expect(seen).toEqual(
      epochs.map(({ epoch, loss: value }) => ({
        epoch,
        epochs: 4,
        share: epoch / 4,
        loss: value,
        rowsPerSecond: undefined,
      })),
    );
  });

  it('counts the epochs of a stream, whose batches nobody knows', async () => {
    const set = setUp();
    const shares: number[] = [];
    const bar = new callbacks.ProgressBar({ show: ({ share }) => void shares.push(share) });
    const stream = new data.Stream(() => set.loader);
    await run([bar], { epochs: 2, data: stream }, set);
    expect(shares).toEqual([...Array(7).fill(0), 0.5, ...Array(7).fill(0.5), 1]);
  });

  it('goes on where an earlier training ended', async () => {
    const set = setUp();
    const first = await run([], { epochs: 1 }, set);
    const shares: number[] = [];
    const bar = new callbacks.ProgressBar({ every: 'epoch', show: ({ share }) => void shares.push(share) });
    await run([bar], { epochs: 2, resume: first }, set);
    expect(shares).toEqual([1]);
  });

  describe('in a terminal', () => {
    const { isTTY } = process.stderr;
    let written = '';
    beforeEach(() => {
      written = '';
      process.stderr.isTTY = true;
      vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
        written += String(text);
        return true;
      });
    });
    afterEach(() => {
      vi.restoreAllMocks();
      process.stderr.isTTY = isTTY;
    });
    // Each bar hides the cursor once.
    const bars = (): number => written.split('\u001B[?25l').length - 1;

    it('is drawn by fit itself, and only once where there is one already', async () => {
      await run([]);
      expect(written).toMatch(/epoch 4\/4 .*100% \| loss 0\.\d{4} \| \d+ rows\/s/);
      expect(bars()).toBe(1);
      written = '';
      await run([new callbacks.ProgressBar()]);
      expect(bars()).toBe(1);
      written = '';
      await run([new callbacks.ProgressBar({ every: 'epoch' })]);
      expect(written).toMatch(/epoch 4\/4 .*100% \| loss 0\.\d{4} \| \d+s left/);
      expect(written).not.toMatch(/rows/);
    });

    it('is not, where that is not wanted', async () => {
      await run([], { progress: false });
      expect(written).toBe('');
    });
  });

  it('refuses what it does not know', () => {
    expect(() => new callbacks.ProgressBar({ every: 'row' as never })).toThrow(
      /'batch' or 'epoch', got string "row"/,
    );
    expect(() => new callbacks.ProgressBar({ show: 1 as never })).toThrow(
      /show to be a function, got number/,
    );
  });
});

describe('CSVLogger', () => {
  it('writes a heading and a line for each epoch', async () => {
    const lines: string[] = [];
    const set = setUp();
    const logger = new callbacks.CSVLogger(async (line) => {
      await later();
      lines.push(line);
    });
    const history = await run([logger], { validation: set.loader }, set);
    expect(lines[0]).toBe('epoch,loss,seconds,validationLoss,validationAccuracy\n');
    expect(lines).toHaveLength(5);
    const [, second] = history.epochs;
    expect(lines[2]).toBe(
      `${['epoch', 'loss', 'seconds', 'validationLoss', 'validationAccuracy']
        .map((name) => second[name as keyof EpochReport])
        .join(',')}\n`,
    );
  });

  it('quotes what must be quoted', async () => {
    const lines: string[] = [];
    const set = setUp();
    const named = new metrics.Accuracy({ name: 'a "good", one' });
    await run(
      [new callbacks.CSVLogger((line) => void lines.push(line))],
      { validation: set.loader, metrics: [named], epochs: 1 },
      set,
    );
    expect(lines[0]).toBe('epoch,loss,seconds,validationLoss,"validationA ""good"", one"\n');
    const semicolons: string[] = [];
    await run([new callbacks.CSVLogger((line) => void semicolons.push(line), { separator: ';' })]);
    expect(semicolons[0]).toBe('epoch;loss;seconds\n');
    expect(() => new callbacks.CSVLogger(() => undefined, { separator: '"' })).toThrow(/separator/);
    expect(() => new callbacks.CSVLogger(3 as never)).toThrow(/a function that writes/);
  });
});

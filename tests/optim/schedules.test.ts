import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { capture, data, fit, nn, optim, tensor, type Tensor } from 'wasmgrad';
import golden from '../reference/schedules.json' with { type: 'json' };

type Run = (typeof golden.runs)[number];
type Made = new (optimizer: optim.Optimizer, options: object) => optim.Scheduler;

function optimizerOf(momentum = 0.5): optim.SGD {
  const groups = golden.rates.map((lr) => ({ params: [tensor(0, { requiresGrad: true })], lr }));
  return new optim.SGD(groups, { lr: 1, momentum });
}

function make({ schedule, options }: Run, optimizer: optim.Optimizer): optim.Scheduler {
  if (schedule === 'LambdaLR') return new optim.LambdaLR(optimizer, { lrLambda: (t) => 0.95 ** t });
  if (schedule === 'SequentialLR') {
    const warm = new optim.LinearLR(optimizer, { startFactor: 0.25, totalIters: 10 });
    const [schedulers, milestones] =
      'three' in options
        ? [
            [
              warm,
              new optim.CosineAnnealingWarmRestarts(optimizer, { t0: 40 }),
              new optim.StepLR(optimizer, { stepSize: 15 }),
            ],
            [10, 100],
          ]
        : [[warm, new optim.CosineAnnealingLR(optimizer, { tMax: 190 })], [10]];
    return new optim.SequentialLR(optimizer, { schedulers, milestones });
  }
  return new (optim[schedule as keyof typeof optim] as unknown as Made)(optimizer, options);
}

const runs = golden.runs.map((run) => ({ ...run, title: JSON.stringify(run.options) }));
const ratesOf = ({ paramGroups }: optim.SGD): number[] => paramGroups.map(({ lr }) => lr);

/**
 * Every step of a chained form rounds a few times in float64, and both cosines may differ by one rounding, relative to
 * the base rates, which the cosine's ratio near its end carries on.
 */
const near = (t: number, rate: number): number => (t + 1) * 16 * 2 ** -53 * rate + 1e-14;

describe('200 steps are as PyTorch computes them', () => {
  it('of every schedule', () => {
    const known = Object.values(optim).filter((value) => value.prototype instanceof optim.Scheduler);
    const made = new Set(runs.map((run) => make(run, optimizerOf()).constructor));
    expect(made).toEqual(new Set(known));
  });

  it.each(runs)('$schedule $title', (run) => {
    const optimizer = optimizerOf();
    const schedule = make(run, optimizer);
    run.lrs.forEach((expected, t) => {
      ratesOf(optimizer).forEach((lr, i) => {
        expect(Math.abs(lr - expected[i]), `step ${t}: ${lr} for ${expected[i]}`).toBeLessThanOrEqual(
          near(t, 1),
        );
      });
      if (run.momenta) {
        const { momentum } = optimizer.paramGroups[0];
        expect(Math.abs(momentum - run.momenta[t])).toBeLessThanOrEqual(near(t, 1));
      }
      schedule.step(golden.figures[t]);
    });
    expect(run.lrs).toHaveLength(200);
  });

  it('knows every schedule', () => {
    const known = Object.entries(optim).flatMap(([name, made]) =>
      Object.getPrototypeOf(made) === optim.Scheduler ? [name] : [],
    );
    expect(new Set(golden.runs.map(({ schedule }) => schedule))).toEqual(new Set(known));
  });
});

describe('bounds', () => {
  const rate = fc.double({ min: 1e-9, max: 10, noNaN: true });
  const steps = fc.integer({ min: 1, max: 60 });
  const one = (lr: number): optim.SGD =>
    new optim.SGD([tensor(0, { requiresGrad: true })], { lr, momentum: 0.5 });

  /** The learning rates of so many steps, none of which may be below 0 or above `most`, but for roundings. */
  function walk(optimizer: optim.SGD, schedule: optim.Scheduler, count: number, most: number): number[] {
    const rates = [optimizer.lr];
    for (let t = 0; t < count; t++) {
      schedule.step(1);
      rates.push(optimizer.lr);
    }
    for (const lr of rates) {
      expect(lr).toBeGreaterThanOrEqual(0);
      expect(lr).toBeLessThanOrEqual(most * (1 + 2 ** -50));
    }
    return rates;
  }

  it('OneCycleLR begins, turns and ends where it is to, in every setting', () => {
    fc.assert(
      fc.property(
        rate,
        fc.integer({ min: 2, max: 80 }),
        fc.constantFrom(0.1, 0.25, 0.3, 0.5),
        fc.constantFrom('cos' as const, 'linear' as const),
        fc.boolean(),
        fc.constantFrom(1, 10, 25, 1e3),
        fc.constantFrom(1, 1e2, 1e4, 1e12),
        (maxLr, totalSteps, pctStart, annealStrategy, threePhase, divFactor, finalDivFactor) => {
          const optimizer = one(1);
          const settings = {
            maxLr,
            totalSteps,
            pctStart,
            annealStrategy,
            threePhase,
            divFactor,
            finalDivFactor,
          };
          const schedule = new optim.OneCycleLR(optimizer, settings);
          const rates = walk(optimizer, schedule, totalSteps, maxLr);
          const [first, last] = [maxLr / divFactor, maxLr / divFactor / finalDivFactor];
          if (pctStart * totalSteps > 1) expect(rates[0]).toBe(first);
          const turn = pctStart * totalSteps - 1;
          if (Number.isInteger(turn) && turn >= 0) expect(rates[turn]).toBe(maxLr);
          // With three phases the way down may be as long as all of it.
          if (!threePhase || 2 * pctStart * totalSteps - 2 < totalSteps - 1) {
            expect(rates[totalSteps - 1]).toBe(last);
            expect(rates[totalSteps]).toBe(last);
          }
          const { momentum } = optimizer.paramGroups[0];
          expect(momentum).toBeGreaterThanOrEqual(0.85);
          expect(momentum).toBeLessThanOrEqual(0.95);
          expect(() => schedule.step()).toThrow(RangeError);
        },
      ),
      { seed: 13, numRuns: 300 },
    );
  });

  it('CosineAnnealingLR is at its top and bottom exactly', () => {
    fc.assert(
      fc.property(rate, steps, fc.constantFrom(0, 1e-12, 1e-3, 20), (lr, tMax, etaMin) => {
        const optimizer = one(lr);
        const schedule = new optim.CosineAnnealingLR(optimizer, { tMax, etaMin });
        const rates = walk(optimizer, schedule, 4 * tMax, Math.max(lr, etaMin));
        [0, 2, 4].forEach((turn) => expect(rates[turn * tMax]).toBe(lr));
        [1, 3].forEach((turn) => expect(rates[turn * tMax]).toBe(etaMin));
        rates.forEach((value) => expect(value).toBeGreaterThanOrEqual(Math.min(lr, etaMin) * (1 - 2 ** -50)));
      }),
      { seed: 14, numRuns: 150 },
    );
  });

  it('CosineAnnealingWarmRestarts is at its top at each restart exactly', () => {
    fc.assert(
      fc.property(
        rate,
        steps,
        fc.integer({ min: 1, max: 3 }),
        fc.constantFrom(0, 1e-3),
        (lr, t0, tMult, etaMin) => {
          const optimizer = one(lr);
          const schedule = new optim.CosineAnnealingWarmRestarts(optimizer, { t0, tMult, etaMin });
          const rates = walk(optimizer, schedule, t0 * (1 + tMult), Math.max(lr, etaMin));
          [0, t0, t0 + t0 * tMult].forEach((t) => expect(rates[t]).toBe(lr));
        },
      ),
      { seed: 15, numRuns: 150 },
    );
  });

  it('LinearLR begins and ends at its factors exactly, at 0 too', () => {
    fc.assert(
      fc.property(
        rate,
        steps,
        fc.constantFrom(1e-9, 0.1, 1 / 3, 0.7, 1),
        fc.constantFrom(0, 1e-9, 0.1, 1 / 3, 1),
        (lr, totalIters, startFactor, endFactor) => {
          const optimizer = one(lr);
          const schedule = new optim.LinearLR(optimizer, { startFactor, endFactor, totalIters });
          const rates = walk(optimizer, schedule, totalIters + 2, lr);
          expect(rates[0]).toBe(lr * startFactor);
          rates.slice(totalIters).forEach((value) => expect(value).toBe(lr * endFactor));
        },
      ),
      { seed: 16, numRuns: 300 },
    );
  });

  it('SequentialLR of those is not below 0 either', () => {
    fc.assert(
      fc.property(rate, steps, steps, fc.constantFrom(1e-3, 1 / 3, 1), (lr, warm, tMax, startFactor) => {
        const optimizer = one(lr);
        const schedulers = [
          new optim.LinearLR(optimizer, { startFactor, totalIters: warm }),
          new optim.CosineAnnealingLR(optimizer, { tMax }),
          new optim.LinearLR(optimizer, { endFactor: 0, totalIters: warm }),
        ];
        const milestones = [warm, warm + tMax + 1];
        const schedule = new optim.SequentialLR(optimizer, { schedulers, milestones });
        const rates = walk(optimizer, schedule, warm + tMax + warm + 4, lr);
        expect(rates[warm]).toBe(lr);
        expect(rates[warm + tMax]).toBe(0);
        expect(rates.at(-1)).toBe(0);
      }),
      { seed: 17, numRuns: 100 },
    );
  });

  it('a schedule goes on from what another made of the learning rate', () => {
    for (const make of [
      (o: optim.SGD) => new optim.LinearLR(o, { startFactor: 0.5, totalIters: 4 }),
      (o: optim.SGD) => new optim.CosineAnnealingLR(o, { tMax: 8 }),
    ]) {
      const [plain, halved] = [one(1), one(1)];
      const [a, b] = [make(plain), make(halved)];
      for (let t = 0; t < 7; t++) {
        if (t === 2) halved.lr /= 2;
        a.step();
        b.step();
      }
      expect(Math.abs(halved.lr - plain.lr / 2)).toBeLessThanOrEqual(1e-15);
    }
  });

  it('fit takes the last step of a straight line', async () => {
    const model = new nn.Linear(1, 1);
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
    const schedule = new optim.OneCycleLR(optimizer, { maxLr: 0.1, totalSteps: 6, annealStrategy: 'linear' });
    const loader = new data.DataLoader(new data.TensorDataset([[1], [2]], [[1], [2]]));
    await fit(model, {
      data: loader,
      loss: new nn.MSELoss(),
      optimizer,
      epochs: 3,
      schedule: { scheduler: schedule, every: 'batch' },
    });
    expect(optimizer.lr).toBe(0.1 / 25 / 1e4);
  });
});

describe('saved schedules', () => {
  it.each(runs)('$schedule $title goes on where it was', (run) => {
    const a = optimizerOf();
    const first = make(run, a);
    for (let t = 0; t < 97; t++) first.step(golden.figures[t]);
    const saved = structuredClone({ schedule: first.stateDict(), optimizer: a.stateDict() });
    const b = optimizerOf();
    b.loadStateDict(saved.optimizer);
    // Making it changes learning rates; loading puts them right again.
    const second = make(run, b);
    second.loadStateDict(saved.schedule);
    for (let t = 97; t < 200; t++) {
      expect(ratesOf(b)).toEqual(ratesOf(a));
      expect(b.paramGroups[0].momentum).toBe(a.paramGroups[0].momentum);
      expect(second.getLastLr()).toEqual(first.getLastLr());
      for (const schedule of [first, second]) schedule.step(golden.figures[t]);
    }
  });

  it('refuse what is not theirs, and stay as they are', () => {
    const optimizer = optimizerOf();
    const schedule = new optim.StepLR(optimizer, { stepSize: 2 });
    const before = schedule.stateDict();
    const other = new optim.ExponentialLR(optimizerOf(), { gamma: 0.5 }).stateDict();
    expect(() => schedule.loadStateDict(other)).toThrow(
      /StepLR: expected a state of StepLR, got string "ExponentialLR"/,
    );
    expect(() => schedule.loadStateDict({ ...before, lastLr: [1] })).toThrow(
      /a state of 2 groups, got one of 1/,
    );
    const { lastEpoch: _, ...incomplete } = before;
    expect(() => schedule.loadStateDict(incomplete)).toThrow(/without lastEpoch/);
    expect(schedule.stateDict()).toEqual(before);
  });

  const kinds: [string, (o: optim.Optimizer) => optim.Scheduler, string[]][] = [
    ['StepLR', (o) => new optim.StepLR(o, { stepSize: 2 }), []],
    ['MultiStepLR', (o) => new optim.MultiStepLR(o, { milestones: [2] }), []],
    ['ExponentialLR', (o) => new optim.ExponentialLR(o, { gamma: 0.5 }), []],
    ['LinearLR', (o) => new optim.LinearLR(o), []],
    ['LambdaLR', (o) => new optim.LambdaLR(o, { lrLambda: () => 1 }), []],
    ['CosineAnnealingLR', (o) => new optim.CosineAnnealingLR(o, { tMax: 5 }), []],
    [
      'CosineAnnealingWarmRestarts',
      (o) => new optim.CosineAnnealingWarmRestarts(o, { t0: 3 }),
      ['tCur', 'tI'],
    ],
    ['OneCycleLR', (o) => new optim.OneCycleLR(o, { maxLr: 1, totalSteps: 9, cycleMomentum: false }), []],
    ['ReduceLROnPlateau', (o) => new optim.ReduceLROnPlateau(o), ['badEpochs', 'cooldownCounter']],
    [
      'SequentialLR',
      (o) =>
        new optim.SequentialLR(o, {
          schedulers: [new optim.LinearLR(o), new optim.LinearLR(o)],
          milestones: [2],
        }),
      [],
    ],
  ];
  const cases = kinds.flatMap(([kind, make, counters]) =>
    ['lastEpoch', ...counters].flatMap((name) =>
      [Number.NaN, Infinity, -Infinity, -1, 0.5, '1', null, undefined, [1]].map(
        (value) => [kind, name, value, make] as const,
      ),
    ),
  );
  it.each(cases)('%s refuses %s: %j', (kind, name, value, make) => {
    const schedule = make(optimizerOf());
    schedule.step(1);
    const before = schedule.stateDict();
    expect(() => schedule.loadStateDict({ ...before, [name]: value })).toThrow(
      new RegExp(`^${kind}: expected ${name} to be an integer ≥ 0, got `),
    );
    expect(schedule.stateDict()).toEqual(before);
  });
});

it('a captured step sees the schedule', () => {
  const run = (captured: boolean): number[] => {
    const w = tensor([1, -2, 3], { requiresGrad: true });
    const optimizer = new optim.Adam([w], { lr: 0.1 });
    const schedule = new optim.OneCycleLR(optimizer, { maxLr: 0.3, totalSteps: 20 });
    const body = (target: Tensor): Tensor => {
      optimizer.zeroGrad();
      const loss = w.sub(target).square().sum();
      loss.backward();
      optimizer.step();
      return loss;
    };
    const step = captured ? capture(body) : body;
    return Array.from({ length: 20 }, () => {
      const loss = step(tensor([0, 0, 0])).item();
      schedule.step();
      return loss;
    });
  };
  expect(run(true)).toEqual(run(false));
});

describe('errors', () => {
  const o = (): optim.SGD => optimizerOf();
  it.each([
    [() => new optim.StepLR({} as never, { stepSize: 1 }), /StepLR: expected an optimizer of optim/],
    [() => new optim.StepLR(o(), { stepSize: 0 }), /stepSize to be an integer ≥ 1, got 0/],
    [
      () => new optim.StepLR(o(), { stepSize: 1, gama: 2 } as never),
      /unknown option 'gama' \(known: stepSize/,
    ],
    [() => new optim.MultiStepLR(o(), { milestones: 3 as never }), /milestones to be an array, got 3/],
    [() => new optim.ExponentialLR(o(), {} as never), /gamma to be a finite number ≥ 0, got undefined/],
    [() => new optim.LinearLR(o(), { startFactor: 0 }), /startFactor/],
    [() => new optim.CosineAnnealingLR(o(), { tMax: 1.5 }), /tMax to be an integer ≥ 1, got 1.5/],
    [() => new optim.CosineAnnealingWarmRestarts(o(), { t0: 2, tMult: 0 }), /tMult/],
    [() => new optim.OneCycleLR(o(), { maxLr: 1 }), /expected totalSteps, or epochs and stepsPerEpoch/],
    [() => new optim.OneCycleLR(o(), { maxLr: [1], totalSteps: 3 }), /maxLr for each of 2 groups, got 1/],
    [
      () => new optim.OneCycleLR(o(), { maxLr: 1, totalSteps: 3, annealStrategy: 'sin' as never }),
      /annealStrategy/,
    ],
    [() => new optim.LambdaLR(o(), { lrLambda: 3 as never }), /lrLambda to be a function, got 3/],
    [() => new optim.ReduceLROnPlateau(o(), { factor: 1 }), /factor/],
    [
      () => new optim.ReduceLROnPlateau(o(), { mode: 'low' as never }),
      /mode 'min' or 'max', got string "low"/,
    ],
    [() => new optim.ReduceLROnPlateau(o()).step(), /expected step\(\) with a figure, got undefined/],
  ])('%s', (action, message) => expect(action).toThrow(message));

  it('of an optimizer without momentum', () => {
    const adagrad = new optim.Adagrad([tensor(1, { requiresGrad: true })]);
    expect(() => new optim.OneCycleLR(adagrad, { maxLr: 1, totalSteps: 3 })).toThrow(/cycleMomentum: false/);
  });

  it('of OneCycleLR after its last step', () => {
    const optimizer = o();
    const schedule = new optim.OneCycleLR(optimizer, { maxLr: 1, totalSteps: 3 });
    for (let t = 0; t < 3; t++) schedule.step();
    const before = ratesOf(optimizer);
    expect(() => schedule.step()).toThrow(/OneCycleLR: expected at most 3 steps, got 4/);
    expect(ratesOf(optimizer)).toEqual(before);
  });

  it('of SequentialLR', () => {
    const optimizer = o();
    const a = new optim.StepLR(optimizer, { stepSize: 2 });
    const foreign = new optim.StepLR(o(), { stepSize: 2 });
    const made = (schedulers: optim.Scheduler[], milestones: number[]) => () =>
      new optim.SequentialLR(optimizer, { schedulers, milestones });
    expect(made([a, foreign], [3])).toThrow(/of the same optimizer/);
    expect(made([a], [3])).toThrow(/expected 0 milestones for 1 schedulers, got 1/);
    expect(made([a, a, a], [3, 2])).toThrow(/a milestone to be an integer ≥ 4, got 2/);
  });
});

describe('a schedule stays between its ends', () => {
  const one = (options: { lr: number; momentum?: number }): optim.SGD =>
    new optim.SGD([tensor(0, { requiresGrad: true })], options);
  /** Rates and momenta of each step. */
  const walked = (optimizer: optim.SGD, schedule: optim.Scheduler, steps: number): [number, number][] =>
    Array.from({ length: steps }, (_, t) => {
      if (t > 0) schedule.step(1);
      const { lr, momentum } = optimizer.paramGroups[0];
      return [lr, momentum];
    });

  it.each(
    (['linear', 'cos'] as const).flatMap((annealStrategy) =>
      [true, false].map((threePhase) => ({ annealStrategy, threePhase })),
    ),
  )('OneCycleLR %o', (options) => {
    for (let totalSteps = 2; totalSteps <= 40; totalSteps++) {
      const optimizer = one({ lr: 0.1, momentum: 0.9 });
      const schedule = new optim.OneCycleLR(optimizer, { maxLr: 0.3, totalSteps, ...options });
      for (const [lr, momentum] of walked(optimizer, schedule, totalSteps)) {
        expect(lr).toBeLessThanOrEqual(0.3);
        expect(lr).toBeGreaterThanOrEqual(0.3 / 25 / 1e4);
        expect(momentum).toBeLessThanOrEqual(0.95);
        expect(momentum).toBeGreaterThanOrEqual(0.85);
      }
    }
  });

  it.each([0.1, 0.3, 0.7, 1e-3, 1 / 3])('of one rate at both ends: %d', (rate) => {
    for (let steps = 1; steps <= 30; steps++) {
      const make: [optim.SGD, (o: optim.SGD) => optim.Scheduler][] = [
        [one({ lr: rate }), (o) => new optim.CosineAnnealingLR(o, { tMax: steps, etaMin: rate })],
        [one({ lr: rate }), (o) => new optim.CosineAnnealingWarmRestarts(o, { t0: steps, etaMin: rate })],
      ];
      for (const [optimizer, schedule] of make) {
        for (const [lr] of walked(optimizer, schedule(optimizer), steps + 1)) expect(lr).toBe(rate);
      }
      const factor = one({ lr: 1 });
      const linear = new optim.LinearLR(factor, { startFactor: rate, endFactor: rate, totalIters: steps });
      for (const [lr] of walked(factor, linear, steps + 1)) expect(lr).toBe(rate);
    }
  });
});

describe('ReduceLROnPlateau', () => {
  it.each(['min', 'max'] as const)('is told nothing by NaN: %s', (mode) => {
    const optimizer = new optim.SGD([tensor(0, { requiresGrad: true })], { lr: 1 });
    const schedule = new optim.ReduceLROnPlateau(optimizer, { patience: 1, factor: 0.5, mode });
    for (const figure of [NaN, NaN, NaN, 1, NaN, 1, NaN, NaN]) schedule.step(figure);
    expect(optimizer.lr).toBe(1);
    schedule.step(1);
    expect(optimizer.lr).toBe(0.5);
    expect(schedule.lastEpoch).toBe(9);
  });
});

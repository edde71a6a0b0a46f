import { ANY, checkNumber, refuse } from '../../core/checks.js';
import { isPlain } from '../../core/options.js';
import { shown } from '../../core/shown.js';
import type { EpochReport } from '../history.js';
import type { Training } from './callback.js';

export interface MonitorOptions {
  /** A figure of EpochReport; `validationLoss` by default where there is a validation, else `loss`. */
  monitor?: string;
  /** Whether it should become small or large; what the figure is about decides by default. */
  mode?: 'min' | 'max';
  /** How much better it must be to count as better; 0 by default. */
  minDelta?: number;
}

/** Refuses numbers of epochs that are none; those that are not known are left out. */
export function checkCounted(owner: string, counts: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(counts)) {
    if (value !== undefined) checkNumber(owner, name, value, { least: 0, whole: true });
  }
}

/** What a Monitor remembers. */
export interface MonitorState {
  best?: number | null;
  bestEpoch?: number;
}

/** Watches whether a figure gets better. */
export class Monitor {
  /** The best figure so far. */
  best: number | undefined;
  bestEpoch: number | undefined;

  constructor(
    private readonly owner: string,
    private readonly options: MonitorOptions,
  ) {
    const { mode, minDelta = 0 } = options;
    if (mode !== undefined && mode !== 'min' && mode !== 'max') {
      throw new RangeError(`${owner}: expected mode 'min' or 'max', got ${shown(mode)}`);
    }
    checkNumber(owner, 'minDelta', minDelta, { least: 0 });
  }

  reset(): void {
    this.best = this.bestEpoch = undefined;
  }

  /** What it remembers, as plain data. */
  get state(): MonitorState {
    return { best: this.best, bestEpoch: this.bestEpoch };
  }

  set state(state: MonitorState) {
    this.check(state);
    // JSON makes null of an infinite figure. Everything is better than that.
    this.best = state.best ?? undefined;
    this.bestEpoch = state.bestEpoch;
  }

  /** Refuses what is no state. */
  check(state: unknown): asserts state is MonitorState {
    if (!isPlain(state)) {
      throw new TypeError(`${this.owner}: expected what stateDict() gave, got ${shown(state)}`);
    }
    const { best, bestEpoch } = state as MonitorState;
    if (typeof best === 'number') checkNumber(this.owner, 'best', best, ANY);
    else if (best !== undefined && best !== null) refuse(this.owner, 'best', 'a number', best);
    checkCounted(this.owner, { bestEpoch });
  }

  /** Takes an epoch's figure in; whether it is the best so far. NaN never is. */
  improves(report: EpochReport, { goals }: Training): boolean {
    const { minDelta = 0 } = this.options;
    const figures = report as unknown as Record<string, number | undefined>;
    const name = this.options.monitor ?? ('validationLoss' in report ? 'validationLoss' : 'loss');
    const value = figures[name];
    if (value === undefined) {
      throw new RangeError(
        `${this.owner}: there is no figure '${name}' to monitor (there are: ${Object.keys(report).join(', ')})`,
      );
    }
    const mode = this.options.mode ?? goals[name] ?? goals[name.replace(/\.[\d.]+$/, '')] ?? 'min';
    const gain = this.best === undefined ? Infinity : mode === 'min' ? this.best - value : value - this.best;
    if (Number.isNaN(value) || !(gain > minDelta)) return false;
    this.best = value;
    this.bestEpoch = report.epoch;
    return true;
  }
}

import type { Pace, Unit } from './history.js';

/** The longest of late: rises at once, falls by a tenth of the difference each time. */
function longest(before: number | undefined, taken: number): number {
  return before === undefined ? taken : Math.max(taken, before + (taken - before) / 10);
}

/**
 * Time that a call may take. A unit is begun only where it should be over in time, as those before it were. The first
 * unit is always begun, so that training goes on however little time there is.
 */
export class Budget {
  private readonly until: number;
  private began = false;
  private readonly seen = new Set<Unit>();
  /** Of units that were the first of their kind in a call: they are recorded then. */
  private readonly first: Map<Unit, number>;
  private readonly later: Map<Unit, number>;

  /**
   * @param since when the call began
   * @param milliseconds that it may take
   * @param pace what earlier calls found
   */
  constructor(
    private since: number,
    milliseconds: number,
    pace: Pace = { first: [], later: [] },
  ) {
    this.until = since + milliseconds;
    this.first = new Map(pace.first);
    this.later = new Map(pace.later);
  }

  get pace(): Pace {
    return { first: [...this.first], later: [...this.later] };
  }

  /**
   * Whether there is time for a unit.
   *
   * @param rows to be gone through in it, for one that nobody saw before
   */
  allows(unit: Unit, rows: number): boolean {
    const { began } = this;
    this.began = true;
    return !began || this.since + this.expected(unit, rows) <= this.until;
  }

  /** A unit is over. */
  spent(unit: Unit): void {
    const now = performance.now();
    const times = this.seen.has(unit) ? this.later : this.first;
    times.set(unit, longest(times.get(unit), now - this.since));
    this.seen.add(unit);
    this.since = now;
  }

  private expected(unit: Unit, rows: number): number {
    const first = this.first.get(unit);
    if (this.seen.has(unit)) return this.later.get(unit) ?? first!;
    if (first !== undefined) return first;
    if (rows === 0) return 0;
    // As long for each row as the slowest steps, and one recording more.
    const times = this.later.size > 0 ? this.later : this.first;
    const perRow = [...times].map(([other, taken]) => (other === 'end' ? 0 : taken / other));
    const steps = [...this.first].map(([other, taken]) => (other === 'end' ? 0 : taken));
    return Math.max(0, ...perRow) * rows + Math.max(0, ...steps);
  }
}

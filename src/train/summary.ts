/** What a lot of numbers are like. */
export interface Statistics {
  readonly count: number;
  readonly mean: number;
  /** Standard deviation, divided by the count. */
  readonly std: number;
  readonly min: number;
  readonly max: number;
  /** Share of numbers that are exactly 0, from 0 to 1. */
  readonly zeros: number;
}

/** Statistics of numbers that come bit by bit (Welford, 1962). */
export class Summary {
  private count = 0;
  private mean = 0;
  private squares = 0;
  private min = Infinity;
  private max = -Infinity;
  private zeros = 0;

  add(values: Float32Array): void {
    for (const value of values) {
      this.count++;
      const before = value - this.mean;
      this.mean += before / this.count;
      this.squares += before * (value - this.mean);
      // Math.min and max let NaN through.
      this.min = Math.min(this.min, value);
      this.max = Math.max(this.max, value);
      if (value === 0) this.zeros++;
    }
  }

  get statistics(): Statistics {
    const { count } = this;
    const known = count > 0;
    return {
      count,
      mean: known ? this.mean : NaN,
      std: Math.sqrt(this.squares / count),
      min: known ? this.min : NaN,
      max: known ? this.max : NaN,
      zeros: this.zeros / count,
    };
  }
}

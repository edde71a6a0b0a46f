import { shown } from './shown.js';
import { cosPi, logOfShare } from './elementary.js';
import { engine } from './engine.js';

/** Numbers that are drawn at a time where many are wanted. */
const MOST_DRAWN = 256;

/**
 * xoshiro128** by Blackman and Vigna (2018), seeded through splitmix32: the generator of everything random that
 * TypeScript draws (initial weights, shuffling). Its state is four integers, so a run can be resumed.
 */
export class Generator {
  private readonly state = new Uint32Array(4);
  private readonly one = new Uint32Array(1);

  constructor(seed: number) {
    this.seed(seed);
  }

  seed(seed: number): void {
    let z = seed >>> 0;
    // The high half of a seed counts too.
    z ^= Math.imul(Math.floor(seed / 2 ** 32), 0x9e3779b1);
    for (let i = 0; i < 4; i++) {
      z = (z + 0x9e3779b9) >>> 0;
      let t = z ^ (z >>> 16);
      t = Math.imul(t, 0x21f0aaad);
      t ^= t >>> 15;
      t = Math.imul(t, 0x735a2d97);
      this.state[i] = t ^ (t >>> 15);
    }
  }

  /** The state, for {@link restore}. */
  save(): Uint32Array {
    return this.state.slice();
  }

  restore(state: Uint32Array): void {
    this.state.set(state);
  }

  /** Uniform integers in [0, 2³²). */
  protected draw(values: Uint32Array, count: number): void {
    // The state in variables of their own: kept in the array, each number would wait for the one before to be stored.
    let [s0, s1, s2, s3] = this.state;
    for (let i = 0; i < count; i++) {
      const x = Math.imul(s1, 5);
      values[i] = Math.imul((x << 7) | (x >>> 25), 9);
      const t = s1 << 9;
      s2 ^= s0;
      s3 ^= s1;
      s1 ^= s2;
      s0 ^= s3;
      s2 ^= t;
      s3 = (s3 << 11) | (s3 >>> 21);
    }
    this.state[0] = s0;
    this.state[1] = s1;
    this.state[2] = s2;
    this.state[3] = s3;
  }

  /** A uniform integer in [0, 2³²). */
  uint32(): number {
    this.draw(this.one, 1);
    return this.one[0];
  }

  /** A uniform number in [low, high]; below `high`, but for rounding. */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * (this.uint32() / 2 ** 32);
  }

  /**
   * Fills with uniform numbers in [low, high): those that uniform() would give, one after the other, kept within the
   * float32 numbers that lie there. Where none does, all are `low`.
   */
  fillUniform(values: Float32Array, low: number, high: number): void {
    const least = -floatUpTo(-low);
    const most = floatUpTo(high, true);
    if (!(least <= most)) {
      values.fill(low);
      return;
    }
    const drawn = new Uint32Array(Math.min(values.length, MOST_DRAWN));
    for (let i = 0; i < values.length;) {
      const count = Math.min(values.length - i, drawn.length);
      this.draw(drawn, count);
      for (let k = 0; k < count; k++, i++) {
        const value = low + (high - low) * (drawn[k] / 2 ** 32);
        values[i] = value > most ? most : value < least ? least : value;
      }
    }
  }

  /** A normal number: Box and Muller (1958). */
  normal(mean = 0, deviation = 1): number {
    // In (0, 1], whose logarithm is finite.
    const radius = Math.sqrt(-2 * logOfShare(1 - this.uint32() / 2 ** 32));
    return mean + deviation * radius * cosPi(2 * (this.uint32() / 2 ** 32));
  }

  /** What a uniform integer in [0, 2³²) is in [0, bound), bound ≤ 2³¹; another is drawn where it would favour some. */
  private reduce(value: number, bound: number): number {
    for (;;) {
      // All of these say that numbers are whole, for engines that would compute the remainder of others: that takes three times
      // as long (11 ns for 4), and ten times where they find out late.
      const rest = ((value >>> 0) % (bound >>> 0)) | 0;
      // The last, incomplete run of `bound` numbers would favour the small ones.
      if (value - rest <= 2 ** 32 - bound) return rest;
      value = this.uint32();
    }
  }

  /** A uniform number in [0, 1) of 53 bits. */
  fraction(): number {
    return (this.uint32() * 2 ** 21 + (this.uint32() >>> 11)) / 2 ** 53;
  }

  /** Its state, as plain numbers. */
  getState(): number[] {
    return [...this.state];
  }

  /** Goes on where a generator was when it gave this state. */
  setState(operation: string, state: readonly number[]): void {
    checkWords(operation, state);
    this.state.set(state);
  }

  /** Fisher–Yates, in place. */
  shuffle(values: Int32Array): void {
    const drawn = new Uint32Array(Math.min(values.length, MOST_DRAWN));
    for (let i = values.length - 1; i > 0;) {
      const count = Math.min(i, drawn.length);
      this.draw(drawn, count);
      for (let k = 0; k < count; k++, i--) {
        const j = this.reduce(drawn[k], i + 1);
        const value = values[i];
        values[i] = values[j];
        values[j] = value;
      }
    }
  }
}

/** The largest float32 that is at most x, or below x. */
export function floatUpTo(x: number, below = false): number {
  // Of 0 the negative one, whose bits count up downwards.
  const value = new Float32Array([x || -0]);
  if (value[0] > x || (below && value[0] === x)) new Int32Array(value.buffer)[0] += value[0] > 0 ? -1 : 1;
  return value[0];
}

export function checkSeed(operation: string, seed: number): void {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new RangeError(`${operation}: expected seed to be a non-negative integer, got ${shown(seed)}`);
  }
}

function checkWords(operation: string, state: readonly number[]): void {
  const whole =
    Array.isArray(state) &&
    state.length === 4 &&
    state.every((word) => Number.isInteger(word) && word >= 0 && word < 2 ** 32);
  if (!whole) {
    throw new RangeError(`${operation}: expected a state of four 32-bit integers, got ${shown(state)}`);
  }
}

const shared = new Generator(0);

/** The generator that {@link manualSeed} sets. */
export function defaultGenerator(): Generator {
  return shared;
}

/**
 * Sets every source of random numbers: initial weights, shuffling without a seed of its own, dropout. Without it the
 * seed is 0, so a program gives the same result every time.
 *
 * @param seed a non-negative integer
 * @throws RangeError where it is none
 * @example
 * ```ts
 * import { manualSeed, nn } from 'wasmgrad';
 * manualSeed(7);
 * const a = new nn.Linear(2, 2).weight.toArray();
 * manualSeed(7);
 * const b = new nn.Linear(2, 2).weight.toArray();
 * JSON.stringify(a) === JSON.stringify(b); // true
 * ```
 */
export function manualSeed(seed: number): void {
  checkSeed('manualSeed', seed);
  shared.seed(seed);
  const { i32, generator } = engine();
  i32[generator / 4] = seed >>> 0;
  i32[generator / 4 + 1] = Math.floor(seed / 2 ** 32);
  i32[generator / 4 + 2] = 0;
  i32[generator / 4 + 3] = 0;
}

/** The state of everything that {@link manualSeed} sets: plain numbers, fit for JSON. */
export interface RandomState {
  /** Of the generator of initial weights and shuffling. */
  readonly generator: readonly number[];
  /** Seed and counter of dropout. */
  readonly dropout: readonly number[];
}

/**
 * Where the random numbers that {@link manualSeed} sets are now, so that a program can go on with the same ones.
 *
 * @example
 * ```ts
 * import { getRandomState, nn, setRandomState } from 'wasmgrad';
 * const state = getRandomState();
 * const a = new nn.Linear(2, 2).weight.toArray();
 * setRandomState(state);
 * const b = new nn.Linear(2, 2).weight.toArray();
 * JSON.stringify(a) === JSON.stringify(b); // true
 * ```
 */
export function getRandomState(): RandomState {
  const { i32, generator } = engine();
  const dropout = Array.from({ length: 4 }, (_, i) => i32[generator / 4 + i] >>> 0);
  return { generator: shared.getState(), dropout };
}

/** Throws where it is not what {@link getRandomState} gives. */
export function checkRandomState(operation: string, state: RandomState): void {
  checkWords(operation, state?.dropout);
  checkWords(operation, state.generator);
}

/**
 * Goes on with the random numbers from where {@link getRandomState} found them.
 *
 * @throws RangeError on anything else than it gave; then nothing is changed
 */
export function setRandomState(state: RandomState): void {
  checkRandomState('setRandomState', state);
  const dropout = [...state.dropout];
  shared.setState('setRandomState', state.generator);
  const { i32, generator } = engine();
  i32.set(dropout, generator / 4);
}

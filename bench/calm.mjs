// Other programs on a machine slow down whatever uses its caches, by a quarter for seconds at a time, and leave loops in
// registers alone. So what is measured then says little, least as a share of a ceiling. It is told by a walk through as much
// memory as the second-level cache holds, of which nobody's measurement is part.

/** 512 KiB of cache lines. */
const LINES = 8192;
const LINE_WORDS = 16;
/** How many of them one look goes through: a tenth of a millisecond. */
const STEPS = 20_000;
/** How much longer than at its best a look may take. */
const TOLERANCE = 1.15;
/** How often a measurement is made again. */
const AGAIN = 3;
const NAP_SECONDS = 0.1;

/** A function that tells how many seconds a walk takes, from line to line in no order. */
export function walk() {
  const next = new Int32Array(LINES * LINE_WORDS);
  // A full period: the multiplier less 1 is a multiple of 4, the increment odd.
  for (let line = 0; line < LINES; line++)
    next[line * LINE_WORDS] = ((line * 1_229 + 3_571) % LINES) * LINE_WORDS;
  let at = 0;
  const look = () => {
    const begin = performance.now();
    for (let i = 0; i < STEPS; i++) at = next[at];
    return (performance.now() - begin) / 1000;
  };
  // Until the engine has optimised it.
  for (let i = 0; i < 200; i++) look();
  return () => Math.min(look(), look(), look());
}

/** Waits for the machine to be left alone, and has done again what was measured while it was not. */
export class Calm {
  /** Measurements that were made again. */
  repeated = 0;
  /** Seconds spent on waiting. */
  waited = 0;
  #left = 0;
  #best = Infinity;
  #patience;
  #look;
  #nap;

  /**
   * @param {number} patienceSeconds how long to wait in a section; with 0 nothing is made again
   * @param {() => number} [look] seconds of something that other programs slow down
   * @param {(seconds: number) => Promise<unknown>} [nap]
   */
  constructor(
    patienceSeconds,
    look = walk(),
    nap = (seconds) => new Promise((resolve) => void setTimeout(resolve, seconds * 1000)),
  ) {
    this.#patience = this.#left = patienceSeconds;
    this.#look = look;
    this.#nap = nap;
  }

  /** A section begins, with patience of its own: one must not wait at the expense of the next. */
  begin() {
    this.#left = this.#patience;
  }

  #disturbed() {
    const seconds = this.#look();
    this.#best = Math.min(this.#best, seconds);
    return seconds > this.#best * TOLERANCE;
  }

  /**
   * What `measure` gives at a time without disturbance, or where patience ends.
   *
   * @template T
   * @param {() => Promise<T>} measure
   * @returns {Promise<T>}
   */
  async measured(measure) {
    for (let again = 0; ; again++) {
      while (this.#left > 0 && this.#disturbed()) {
        await this.#nap(NAP_SECONDS);
        this.#left -= NAP_SECONDS;
        this.waited += NAP_SECONDS;
      }
      const result = await measure();
      if (this.#left <= 0 || again === AGAIN || !this.#disturbed()) return result;
      this.repeated++;
    }
  }
}

/** In how many parts a limit is counted. */
const PARTS = 20;

/** A limit on how long others may take. Only time in which this thread looks at its messages counts. */
export class Limit {
  private timer: ReturnType<typeof setInterval> | undefined;

  /** Calls `exceeded` after that time, in the place of what was set before. */
  set(ms: number, exceeded: () => void): void {
    this.clear();
    if (ms === Infinity) return;
    let parts = PARTS;
    // In parts: after a long computation here, a single timer would be over before the answer is read that came meanwhile.
    this.timer = setInterval(
      () => {
        if (--parts > 0) return;
        this.clear();
        exceeded();
      },
      Math.min(ms / PARTS, 2 ** 31 - 1),
    );
  }

  clear(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }
}

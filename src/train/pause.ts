/** The most steps between two looks at the clock. */
export const MOST_STEPS = 1024;
/** How long work may go on before the event loop gets a turn, in milliseconds: less than a frame. */
const TURN_MS = 10;

interface Host {
  scheduler?: { yield?: () => Promise<void> };
  setImmediate?: (callback: () => void) => unknown;
}

/** A turn of the event loop. setTimeout comes last, because hosts delay it by 1 to 4 ms. */
function turn(): Promise<void> {
  const host = globalThis as Host;
  if (host.setImmediate) return new Promise((resolve) => void host.setImmediate!(resolve));
  // In a worker what goes on after yield() comes before messages, so that nobody could stop it.
  if ('WorkerGlobalScope' in globalThis && typeof MessageChannel !== 'undefined') return message();
  if (host.scheduler?.yield) return host.scheduler.yield();
  return new Promise((resolve) => void setTimeout(resolve, 0));
}

/** Comes after the messages that wait already. */
function message(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    const onMessage = (): void => {
      port1.close();
      resolve();
    };
    port1.addEventListener('message', onMessage, { once: true });
    port1.start();
    port2.postMessage(undefined);
  });
}

/** Gives the event loop a turn when work has gone on for long enough. */
export class Pause {
  private since = performance.now();
  private looked = this.since;
  private stride = 1;
  private left = 1;

  /** How many steps may be made before isDue() is asked. */
  get steps(): number {
    return this.left;
  }

  /**
   * Whether a turn is due after so many steps. Looks at the clock about once in a millisecond, however short the steps.
   */
  isDue(steps = 1): boolean {
    this.left -= steps;
    if (this.left > 0) return false;
    const now = performance.now();
    if (now - this.looked < 0.5) this.stride = Math.min(this.stride * 2, MOST_STEPS);
    else if (now - this.looked > 2) this.stride = Math.max(1, this.stride >> 2);
    this.looked = now;
    this.left = this.stride;
    return now - this.since >= TURN_MS;
  }

  async turn(): Promise<void> {
    await turn();
    this.since = this.looked = performance.now();
  }
}

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
  if (host.scheduler?.yield) return host.scheduler.yield();
  return new Promise((resolve) => void setTimeout(resolve, 0));
}

/** Gives the event loop a turn when work has gone on for long enough. */
export class Pause {
  private since = performance.now();

  async ifDue(): Promise<void> {
    if (performance.now() - this.since < TURN_MS) return;
    await turn();
    this.since = performance.now();
  }
}

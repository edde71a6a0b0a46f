/** What a worker is told when it starts; src/core/workerCore.js does it. */
export interface Duty {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly control: number;
  readonly rank: number;
  /** Where the control block holds what a failing worker writes, in bytes. */
  readonly words: Record<'failed' | 'finished' | 'message' | 'messageUnits', number>;
}

/** What a worker says. */
export type Report = { readonly ready: true } | { readonly error: string };

export interface Listener {
  onReport(report: Report): void;
  /** The worker is gone, or never came. */
  onEnd(reason: string): void;
}

export interface WorkerHandle {
  /** The worker no longer keeps the process from ending. */
  unref(): void;
  stop(): void;
}

/** What the modules behind `#workers` export. */
export interface WorkersModule {
  /** How many threads run at the same time here. */
  parallelism(): number;
  /** Starts a worker. @throws where the host has none */
  startWorker(duty: Duty, listener: Listener): WorkerHandle;
}

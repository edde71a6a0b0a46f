import type { Call, Tape } from './tape.js';

/** Somebody who looks at operations as they happen. Replays are none of his: a captured function is recorded anew for him. */
export interface Watcher {
  /** An operation was recorded and has run. */
  recorded?(tape: Tape, call: Call): void;
  /** The gradient instructions of a call were appended; `tape.execute` runs them. */
  wentBack?(tape: Tape, call: Call): void;
}

const watchers: Watcher[] = [];

/** Those who look now, the one who came last at the end. */
export function watching(): readonly Watcher[] {
  return watchers;
}

/** Runs `work` while `watcher` looks. */
export function watched<T>(watcher: Watcher, work: () => T): T {
  watchers.push(watcher);
  try {
    return work();
  } finally {
    watchers.splice(watchers.lastIndexOf(watcher), 1);
  }
}

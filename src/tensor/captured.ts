import { Recording } from './recording.js';
import { RULES } from './rules.js';
import type { Tensor } from './tensor.js';
import { watched, watching, type Watcher } from './watch.js';

export interface CaptureOptions {
  /** Store every gradient, so that `grad` can be read after a replay; false by default, which is faster. */
  keepGradients?: boolean;
  /** Names of rewrite rules to leave out, to see what each is worth; they never change a result. */
  withoutRules?: readonly string[];
  /** Look for the operation that first makes a NaN or an infinity, as detectAnomaly() does; slow. */
  anomaly?: boolean;
}

function rulesLeftOut({ keepGradients, withoutRules = [] }: CaptureOptions): Set<string> {
  for (const name of withoutRules) {
    if (!Object.hasOwn(RULES, name)) {
      throw new RangeError(`capture: unknown rule '${name}' (known: ${Object.keys(RULES).join(', ')})`);
    }
  }
  return new Set(keepGradients ? [...withoutRules, 'updateInPlace'] : withoutRules);
}

/** A captured function keeps so many recordings, those last used; recording one more takes about a hundred steps' time. */
const MOST_RECORDINGS = 16;
/** What they may hold in all, in bytes; the last one used stays however large it is. */
const MOST_BYTES = 1 << 28;

/** A function of tensors with one recording for each set of argument shapes. */
export class Captured {
  private readonly recordings: Recording[] = [];
  private readonly withoutRules: ReadonlySet<string>;
  private watchedRecording: Recording | undefined;

  /** @param watcher who looks at every call */
  constructor(
    private readonly name: string,
    private readonly fn: (...args: Tensor[]) => Tensor | readonly Tensor[],
    options: CaptureOptions = {},
    private readonly watcher?: Watcher,
  ) {
    this.withoutRules = rulesLeftOut(options);
  }

  /** Records on the first call with such arguments, replays on the next ones. */
  run(args: readonly Tensor[]): Recording {
    if (!this.replays) return this.recordWatched(args);
    const { recordings } = this;
    for (let i = 0; i < recordings.length; i++) {
      const known = recordings[i];
      if (!known.fits(args)) continue;
      if (i > 0) recordings.unshift(...recordings.splice(i, 1));
      known.replay(this.name, args);
      return known;
    }
    this.keep(MOST_RECORDINGS - 1);
    const recording = new Recording(this.name, this.fn, args, this.withoutRules);
    recordings.unshift(recording);
    this.keep(MOST_RECORDINGS);
    return recording;
  }

  /** Gives back the memory of recordings beyond the limits, those first that were not used for the longest time. */
  private keep(most: number): void {
    const { recordings } = this;
    let bytes = recordings.reduce((sum, { tape }) => sum + tape.sizeBytes, 0);
    while (recordings.length > most || (bytes > MOST_BYTES && recordings.length > 1)) {
      const { tape } = recordings.pop()!;
      bytes -= tape.sizeBytes;
      tape.release();
    }
  }

  /** Whether calls are replays; where somebody watches, each one is recorded anew. */
  get replays(): boolean {
    return !this.watcher && watching().length === 0;
  }

  /** Gives the memory of every recording back; the next call records anew. */
  release(): void {
    for (const { tape } of this.recordings) tape.release();
    this.recordings.length = 0;
    this.watchedRecording?.tape.release();
    this.watchedRecording = undefined;
  }

  /** A recording for this call only: a watcher sees operations, and a replay has none. */
  private recordWatched(args: readonly Tensor[]): Recording {
    this.watchedRecording?.tape.release();
    const record = (): Recording => new Recording(this.name, this.fn, args, new Set(Object.keys(RULES)));
    this.watchedRecording = this.watcher ? watched(this.watcher, record) : record();
    return this.watchedRecording;
  }
}

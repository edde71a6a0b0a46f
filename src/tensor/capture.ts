import { Status } from '../../assembly/opcodes.js';
import { changes, type Block } from '../core/owner.js';
import { sameShape, type Shape } from './layout.js';
import { currentTape, hasEagerCalls, isCapturing, withTape } from './scope.js';
import { statusError, Tape } from './tape.js';
import { optimise, RULES } from './rules.js';
import type { Cursor } from './source.js';
import { checkOptions } from '../core/options.js';
import { Tensor } from './tensor.js';
import { AnomalyWatcher } from './anomaly.js';
import type { Source, Value } from './value.js';
import { watched, watching, type Watcher } from './watch.js';
import { noteWrite, type Write } from './writes.js';

interface Slot {
  readonly shape: Shape;
  readonly kind: unknown;
  readonly replace: (source: Source) => void;
}

/** What a replay leaves behind in the gradient of a leaf. */
interface LeafEffect {
  readonly leaf: Value;
  readonly zeroed: boolean;
  readonly continues: boolean;
  readonly filledAfter: boolean;
  /** The program uses the gradient up without storing it. */
  readonly applied: boolean;
}

/** Batches whose indices lie one behind the other in linear memory, for a program whose first result is a loss. */
export interface Row {
  readonly cursor: Cursor;
  /** Room for the loss of each. */
  readonly losses: Block;
  /** How many batches. */
  readonly times: number;
}

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

/** One recording of a function, for one set of argument shapes. */
export class Recording {
  readonly tape: Tape;
  /** Where the returned tensors are. */
  readonly results: readonly { readonly shape: Shape; readonly pointer: number }[];
  /** Whether the function returned one tensor, and not an array. */
  readonly single: boolean;
  private readonly slots: readonly Slot[];
  /** Count of changes up to which what the recording assumes is known to hold. */
  private checked = changes();
  private readonly effects: readonly LeafEffect[];
  /** What it overwrites in place. */
  private readonly writes: readonly (readonly [number, Write])[];

  constructor(
    name: string,
    fn: (...args: Tensor[]) => Tensor | readonly Tensor[],
    args: readonly Tensor[],
    withoutRules: ReadonlySet<string>,
  ) {
    const tape = new Tape(true, currentTape().recordsGradients);
    tape.fate = 'its captured function was called again';
    tape.leaves = new Map();
    this.tape = tape;
    try {
      // A source of its own for each: arguments may be one and the same now, and differ in the next call; or one of them
      // may also be a constant of the function, which stays when the argument changes.
      const sources = args.map((arg) => Object.create(arg.source!, { isSlot: { value: true } }) as Source);
      this.slots = args.map(({ shape, size }, i) => {
        const replace = tape.bind(sources[i], size);
        return { shape, kind: sources[i].kind, replace };
      });
      tape.execute(name);
      const own = args.map(({ shape }, i) => new Tensor(shape, undefined, sources[i], false));
      const returned = withTape(tape, () => fn(...own));
      this.single = returned instanceof Tensor;
      const list = returned instanceof Tensor ? [returned] : returned;
      this.results = list.map((value) => ({ shape: value.shape, pointer: tape.address(value, name) }));
    } catch (error) {
      tape.release();
      throw error;
    }
    const kept = new Set(this.results.map(({ pointer }) => pointer));
    const { instructions, applied } = optimise(tape.program.read(), kept, withoutRules, (pointer) =>
      tape.contains(pointer),
    );
    tape.rewrite(instructions);
    this.writes = [...tape.writes];
    this.effects = [...tape.leaves].map(([leaf, { zeroed, continues }]) => ({
      leaf,
      zeroed,
      continues,
      filledAfter: leaf.gradient?.filled ?? false,
      applied: leaf.gradient !== undefined && applied.has(leaf.gradient.block.pointer),
    }));
    for (const { leaf, applied: gone } of this.effects) {
      if (!gone) continue;
      tape.letGo(leaf.gradient!.block);
      leaf.applyGradient();
    }
    tape.calls.length = 0;
    tape.releaseWithOwner();
  }

  /** Whether these arguments can take the place of the recorded ones. */
  fits(args: readonly Tensor[]): boolean {
    if (this.tape.recordsGradients !== currentTape().recordsGradients) return false;
    if (!this.stands || this.slots.length !== args.length) return false;
    for (let i = 0; i < args.length; i++) {
      const { kind, shape } = this.slots[i];
      if (kind !== args[i].source!.kind || !sameShape(shape, args[i].shape)) return false;
    }
    return true;
  }

  /** Whether all that it points to is there, and the leaves that were frozen are frozen, and no others. */
  get stands(): boolean {
    const count = changes();
    if (this.checked === count) return true;
    if (!this.tape.stands) return false;
    this.checked = count;
    return true;
  }

  /**
   * Runs the program again, in one call into Wasm: with these arguments; or for a row of batches, which begins behind the one
   * that it was last run for.
   *
   * @returns how many times it ran: of a row fewer than asked for, where a loss is not finite
   */
  replay(name: string, args: readonly Tensor[], row?: Row): number {
    // All in one function: divided into several, a step of a tiny network takes a seventh more.
    for (let i = 0; i < args.length; i++) this.slots[i].replace(args[i].source!);
    for (const { leaf, zeroed, continues } of this.effects) {
      const { gradient } = leaf;
      if (zeroed) gradient?.clear();
      else if (continues && !gradient!.filled) gradient!.fillWithZeros();
    }
    if (hasEagerCalls()) for (const [start, { size }] of this.writes) noteWrite(start, size);
    const done = row ? this.runRow(row) : 1;
    const status = row ? Math.max(Status.OK, -done) : this.tape.program.run();
    this.tape.generation++;
    if (status !== Status.OK) throw statusError(name, status);
    for (const { leaf, filledAfter, applied } of this.effects) {
      if (applied) leaf.gradientApplied = true;
      else if (leaf.gradient) {
        leaf.gradient.filled = filledAfter;
        leaf.gradientApplied = false;
      }
    }
    return done;
  }

  private runRow({ cursor: { block, strideBytes }, losses, times }: Row): number {
    const [loss] = this.results;
    return this.tape.program.runSteps(block.pointer, strideBytes, loss.pointer, losses.pointer, times);
  }
}

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

/**
 * Gives a function that records `fn` on the first call with given argument shapes, and on later calls replays the
 * recorded instructions with the new arguments: one call into Wasm, whatever `fn` does. `fn` may hold a whole training
 * step, with zeroGrad(), backward() and step().
 *
 * A replay does not run `fn` again. It does not see its branches, its printing, random numbers drawn in JavaScript, or
 * a change from train() to eval(); it does see new arguments, changed parameters and a changed learning rate, and
 * records again if `requiresGrad` of a leaf was changed or memory that it used was disposed of. Dropout draws new masks.
 * The 16 recordings last used are kept, or fewer if they hold more than 256 MiB. The first call runs `fn` as it stands;
 * the replays give the same numbers, bit for bit, from fewer instructions. So a step of SGD may apply a gradient where it is computed and store it nowhere: reading `grad` then is
 * an error, unless `keepGradients` is set.
 *
 * @param fn a function of tensors that returns a tensor, or an array of them
 * @returns a function that takes tensors of any shape `fn` takes; what it returned last can be read until it is
 * called again with the same shapes
 * @throws what `fn` throws; Error where `fn` reads a value or uses a tensor computed outside
 * @example
 * ```ts
 * import { capture, tensor } from 'wasmgrad';
 * const w = tensor(3, { requiresGrad: true });
 * const step = capture((x) => {
 *   w.grad = null;
 *   const loss = w.mul(x).square();
 *   loss.backward();
 *   return loss;
 * });
 * step(tensor(1)).item(); // 9
 * step(tensor(2)).item(); // 36
 * w.grad!.item(); // 24
 * ```
 */
export function capture<Args extends Tensor[], Result extends Tensor | readonly Tensor[]>(
  fn: (...args: Args) => Result,
  options: CaptureOptions = {},
): (...args: Args) => Result {
  checkOptions('capture', options, ['keepGradients', 'withoutRules', 'anomaly']);
  if (typeof fn !== 'function') throw new TypeError(`capture: expected a function, got ${String(fn)}`);
  const captured = new Captured(
    'capture',
    (...args) => {
      const result = fn(...(args as Args));
      const list = result instanceof Tensor ? [result] : (result as readonly Tensor[]);
      if (!Array.isArray(list) || !list.every((item) => item instanceof Tensor)) {
        throw new TypeError('capture: expected the function to return a tensor or an array of tensors');
      }
      return result;
    },
    options,
    options.anomaly ? new AnomalyWatcher() : undefined,
  );
  return (...args) => {
    let constants = true;
    for (const arg of args) {
      if (!(arg instanceof Tensor))
        throw new TypeError(`capture: expected tensors as arguments, got ${String(arg)}`);
      if (arg.requiresGrad && !isCapturing()) {
        throw new TypeError(
          'capture: an argument that requires a gradient; use it inside the function instead',
        );
      }
      constants &&= arg.source !== undefined;
    }
    if (isCapturing()) return fn(...args);
    const { tape, results, single } = captured.run(
      constants ? args : args.map((arg) => (arg.source ? arg : arg.detach())),
    );
    const tensorOf = ({ shape, pointer }: (typeof results)[number]): Tensor =>
      new Tensor(shape, tape, pointer, false);
    return (single ? tensorOf(results[0]) : results.map(tensorOf)) as Result;
  };
}

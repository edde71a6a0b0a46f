import { Block } from '../core/owner.js';
import { engine } from '../core/engine.js';
import type { ResidentBatches } from '../data/residentBatches.js';
import { toLoss, type Loss, type LossFunction } from '../losses/loss.js';
import type { Module } from '../nn/module.js';
import { Captured } from '../tensor/captured.js';
import type { Recording } from '../tensor/recording.js';
import type { Tensor } from '../tensor/tensor.js';
import { MOST_STEPS } from './pause.js';

/** What few steps need. */
interface Extras {
  readonly clip?: typeof import('../optim/clip.js');
  readonly forwardOf: typeof import('./forwardOf.js').forwardOf;
  readonly counting: typeof import('./counted.js');
  readonly suspect: typeof import('./suspicions.js').suspect;
  readonly accumulation?: import('./accumulation.js').Accumulation;
  readonly anomalies?: typeof import('./traceAnomalies.js');
}

/** What training needs of an optimizer. */
export interface Optimizer {
  zeroGrad(): void;
  step(): void;
  /** What it moves, where it can tell. */
  readonly parameters?: unknown;
}

/** How a batch becomes a step. */
export interface StepOptions {
  /** A loss, or a function of output and targets that gives a tensor of one element. */
  loss: Loss | LossFunction;
  optimizer: Optimizer;
  /** Store every gradient, for callbacks that read `grad`; false by default, which is faster. */
  keepGradients?: boolean;
  /** Scale all gradients alike where their common norm is above this, as optim.clipGradNorm does. */
  clipGradNorm?: number;
  /** Limit every number of the gradients to ± this, as optim.clipGradValue does (before clipGradNorm). */
  clipGradValue?: number;
  /**
   * Step once for so many batches, along the gradient of the loss of all their rows; 1 by default. The batches that are
   * left at the end of an epoch make a step of their own.
   */
  accumulate?: number;
  /** Averages of weights that are updated after each step. */
  ema?: { update(): void };
  /** Look for the operation that first makes a NaN or an infinity, and for its layer; slow. See detectAnomaly(). */
  anomaly?: boolean;
}

/** Where a batch stands among those that make one step. */
export interface Place {
  readonly first: boolean;
  readonly last: boolean;
  /** How many they are. */
  readonly count: number;
}

/** What is captured for a place. */
function keyOf(count: number, first: boolean, last: boolean): number {
  return count * 4 + (first ? 2 : 0) + (last ? 1 : 0);
}

/** The place of a batch that makes a step by itself. */
const ALONE = keyOf(1, true, true);

/**
 * One batch of training: zeroGrad, forward, loss, backward, clipping, step. It is captured for each place that a batch
 * can have among those of a step, so that no gradient is ever filled with zeros.
 */
export class TrainingStep {
  /** Whether the last batch ended with a step of the optimizer. */
  stepped = false;
  /** Whether the weight of a batch depends on more than shapes. */
  varies = false;
  /** Of steps in a row. */
  private losses: Block | undefined;
  /** By count and place. */
  private readonly captured: (Captured | undefined)[] = [];
  private readonly loss: Loss;
  private readonly accumulate: number;

  private constructor(
    private readonly name: string,
    private readonly model: Module,
    private readonly options: StepOptions,
    private readonly extras: Extras,
  ) {
    this.loss = toLoss(options.loss);
    this.accumulate = options.accumulate ?? 1;
  }

  /** The step of these options, with what they need loaded. */
  static async of(name: string, model: Module, options: StepOptions): Promise<TrainingStep> {
    const { clipGradNorm, clipGradValue, anomaly, accumulate = 1 } = options;
    const clips = clipGradNorm !== undefined || clipGradValue !== undefined;
    return new TrainingStep(name, model, options, {
      forwardOf: (await import('./forwardOf.js')).forwardOf,
      counting: await import('./counted.js'),
      suspect: (await import('./suspicions.js')).suspect,
      clip: clips ? await import('../optim/clip.js') : undefined,
      accumulation: accumulate > 1 ? new (await import('./accumulation.js')).Accumulation() : undefined,
      anomalies: anomaly ? await import('./traceAnomalies.js') : undefined,
    });
  }

  /**
   * Trains one batch.
   *
   * @param batch number of the batch in its epoch, from 0 on
   * @param batches how many there are in the epoch; Infinity where nobody knows
   * @returns results: see figureOf()
   */
  run(args: readonly Tensor[], batch: number, batches: number): Recording {
    const at = batch % this.accumulate;
    const count = Math.min(this.accumulate, batches - (batch - at));
    const first = at === 0;
    const last = (this.stepped = at === count - 1);
    const key = keyOf(count, first, last);
    return (this.captured[key] ??= this.captureFor({ first, last, count })).run(args);
  }

  /**
   * Trains the batches that come after the one that was trained last, each with a step of its own: in one call into Wasm,
   * so that nobody sees anything in between.
   *
   * @param recording what run() gave for that batch
   * @param most how many; fewer where a loss is not finite, where fewer have the full size, or every step is watched
   * @returns the loss of each
   */
  runOn(recording: Recording, batches: ResidentBatches, most: number): Float32Array {
    const times = Math.min(most, MOST_STEPS, batches.ahead);
    if (times < 1 || !recording.stands || !this.captured[ALONE]?.replays) return new Float32Array();
    this.losses ??= new Block(MOST_STEPS * 4);
    const done = recording.replay(this.name, [], { cursor: batches.cursor, losses: this.losses, times });
    batches.skip(done);
    return engine().read(this.losses.pointer, done);
  }

  /** Gives the memory of what was captured back at once, instead of when it is collected. */
  release(): void {
    for (const captured of this.captured) captured?.release();
    this.losses?.[Symbol.dispose]();
  }

  private captureFor(place: Place): Captured {
    const { keepGradients } = this.options;
    const step = (inputs: Tensor, targets: Tensor): Tensor[] => this.record(inputs, targets, place);
    const { anomalies } = this.extras;
    if (!anomalies) return new Captured(this.name, step, { keepGradients });
    const { traced, watcher } = anomalies.traceAnomalies(this.model, step);
    return new Captured(this.name, traced, { keepGradients }, watcher);
  }

  private record(inputs: Tensor, targets: Tensor, place: Place): Tensor[] {
    const { model, loss } = this;
    const { clip, accumulation, forwardOf, suspect, counting } = this.extras;
    const { optimizer, clipGradNorm: maxNorm, clipGradValue: limit, ema } = this.options;
    const [rows] = inputs.shape;
    if (place.first) optimizer.zeroGrad();
    const output = forwardOf(this.name, model, inputs, optimizer.parameters);
    suspect(this.name, loss, output, targets);
    const [value, counted] = counting.countedLoss(this.name, loss, output, targets, rows);
    this.varies ||= typeof counted.weight !== 'number';
    if (accumulation) accumulation.backward(value, counted, rows, place);
    else value.backward();
    if (place.last) {
      accumulation?.end(counted, model, optimizer, place);
      if (limit !== undefined) clip!.clipGradValue(model.parameters(), limit);
      if (maxNorm !== undefined) clip!.clipGradNorm(model.parameters(), maxNorm);
      optimizer.step();
      ema?.update();
    }
    return counting.resultsOf(value, counted);
  }
}

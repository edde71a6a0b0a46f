import type { Batch, BatchSource } from '../data/batches.js';
import { ResidentBatches } from '../data/residentBatches.js';
import type { StateDict } from '../nn/module.js';
import type { Budget } from './budget.js';
import type { Hooks } from './callbacks/callback.js';
import { DivergenceError } from './divergenceError.js';
import { figureOf, take } from './figure.js';
import type { EpochState } from './history.js';
import type { Pause } from './pause.js';
import type { Stepping } from './schedule.js';
import type { RunningTraining } from './training.js';
import type { TrainingStep } from './trainingStep.js';

/** What one pass over the data needs. */
export interface Pass {
  readonly step: TrainingStep;
  readonly stepping: Stepping | undefined;
  readonly batches: BatchSource;
  /** Batches that make one step. */
  readonly accumulate: number;
  /** Rows in an epoch, where that is known. */
  readonly rows: number;
  readonly epoch: number;
  readonly lastGoodState: StateDict;
  readonly training: RunningTraining;
  readonly hooks: Hooks;
  readonly pause: Pause;
  readonly budget: Budget | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Goes over the rest of an epoch's batches, and counts on in its state, until it is over, stopped or interrupted. */
export async function trainEpoch(pass: Pass, state: Omit<EpochState, 'begin'>): Promise<void> {
  const began = performance.now() - state.seconds * 1000;
  const run = new EpochRun(pass, state);
  let wait = run.train(pass.batches.next());
  while (wait) wait = run.train(await wait);
  state.seconds = (performance.now() - began) / 1000;
}

class EpochRun {
  /** Rows before the step at hand. */
  private rowsBefore: number;
  /** Batches to be trained in a row, where nobody asks for anything between two of them. */
  private readonly row: ResidentBatches | undefined;

  constructor(
    private readonly pass: Pass,
    private readonly state: Omit<EpochState, 'begin'>,
  ) {
    this.rowsBefore = state.rows;
    const { batches, accumulate, stepping, hooks, budget } = pass;
    const inRows = accumulate === 1 && stepping?.every !== 'batch' && !hooks.hearBatches && !budget;
    if (inRows && batches instanceof ResidentBatches) this.row = batches;
  }

  /**
   * Trains a batch and those after it, until there is something to wait for: a promise of the batch to go on with. Nothing
   * is awaited in this loop, because engines run loops that await more slowly, and a step of a tiny network takes half a
   * microsecond.
   */
  train(next: ReturnType<BatchSource['next']>): Promise<Batch | undefined> | undefined {
    const { pass, state } = this;
    const { step, stepping, batches, accumulate, epoch, training, hooks, pause, budget, signal } = pass;
    const length = batches.length ?? Infinity;
    for (; next; next = batches.next()) {
      if (next instanceof Promise) return next;
      signal?.throwIfAborted();
      const count = next[0].shape[0];
      // Gradients that wait for more of their kind are part of no state: only whole steps are.
      if (state.batch % accumulate === 0) {
        if (training.interrupted) return undefined;
        if (budget) {
          const rows = Math.min(count * accumulate, pass.rows - state.rows);
          if (!budget.allows(rows, rows)) {
            training.interrupt();
            return undefined;
          }
        }
      }
      const recording = step.run(next, state.batch, length);
      const figure = figureOf(recording.results);
      const [value, weight] = figure;
      this.count(count, ...figure);
      stepping?.afterBatch(step.stepped, ...figure);
      let steps = 1;
      if (this.row && !step.varies && pause.steps > 1) {
        const losses = step.runOn(recording, this.row, pause.steps - 1);
        for (const loss of losses) this.count(count, loss, weight);
        steps += losses.length;
      }
      if (hooks.hearBatches) {
        const { batch, rows, sum } = state;
        const waits = hooks.batchEnd({ epoch, batch, loss: value, meanLoss: sum / state.weight, rows });
        if (waits) return this.goOn(waits);
      }
      if (training.stopped) return undefined;
      if (pause.isDue(steps)) return this.goOn(pause.turn());
      this.spend();
    }
    return undefined;
  }

  /** A batch is trained. */
  private count(rows: number, loss: number, weight: number, sum?: number): void {
    const { pass, state } = this;
    state.batch++;
    state.rows += rows;
    // The mean of nothing is NaN, and no divergence.
    const added = take(state, loss, weight, sum);
    if (!Number.isFinite(weight === 0 ? added : loss))
      throw new DivergenceError(loss, pass.epoch, state.batch, pass.lastGoodState);
  }

  /** The next batch, after what has to be waited for since the last one. */
  private async goOn(waits: Promise<unknown>): Promise<Batch | undefined> {
    const { training, pause, batches } = this.pass;
    await waits;
    if (training.stopped) return undefined;
    if (pause.isDue()) await pause.turn();
    this.spend();
    return batches.next();
  }

  /** Tells the budget of a step that is over. */
  private spend(): void {
    const { budget, step } = this.pass;
    if (!budget || !step.stepped) return;
    budget.spent(this.state.rows - this.rowsBefore);
    this.rowsBefore = this.state.rows;
  }
}

import { engine } from '../core/engine.js';
import type { BatchSource } from '../data/batches.js';
import type { StateDict } from '../nn/module.js';
import type { Budget } from './budget.js';
import type { Hooks } from './callbacks/callback.js';
import { DivergenceError } from './divergenceError.js';
import type { EpochState } from './history.js';
import type { Pause } from './pause.js';
import type { Stepping } from './schedule.js';
import type { RunningTraining } from './training.js';
import type { TrainingStep } from './trainingStep.js';

/** What one pass over the data needs. */
export interface Pass {
  readonly step: TrainingStep;
  readonly stepping: Stepping;
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
  const { step, stepping, batches, accumulate, epoch, training, hooks, pause, budget, signal } = pass;
  const began = performance.now() - state.seconds * 1000;
  /** Rows before the step at hand. */
  let rowsBefore = state.rows;
  for (;;) {
    const next = batches.next();
    const args = next instanceof Promise ? await next : next;
    if (!args) break;
    signal?.throwIfAborted();
    const count = args[0].shape[0];
    // Gradients that wait for more of their kind are part of no state: only whole steps are.
    if (state.batch % accumulate === 0) {
      if (training.interrupted) break;
      const rows = Math.min(count * accumulate, pass.rows - state.rows);
      if (budget && !budget.allows(rows, rows)) {
        training.interrupt();
        break;
      }
    }
    const [loss] = step.run(args, state.batch, batches.length ?? Infinity).results;
    const value = engine().f32[loss.pointer / 4];
    state.batch++;
    if (!Number.isFinite(value)) throw new DivergenceError(value, epoch, state.batch, pass.lastGoodState);
    if (step.stepped) stepping.afterStep(value);
    state.sum += value * count;
    state.rows += count;
    if (hooks.hearBatches) {
      const { batch, rows } = state;
      const waits = hooks.batchEnd({ epoch, batch, loss: value, meanLoss: state.sum / rows, rows });
      if (waits) await waits;
    }
    if (training.stopped) break;
    if (pause.isDue()) await pause.turn();
    if (budget && step.stepped) {
      budget.spent(state.rows - rowsBefore);
      rowsBefore = state.rows;
    }
  }
  state.seconds = (performance.now() - began) / 1000;
}

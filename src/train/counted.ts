import { ANY, checkNumber } from '../core/checks.js';
import { engine } from '../core/engine.js';
import { shown } from '../core/shown.js';
import { listening, type Counted, type Loss, type Note } from '../losses/loss.js';
import { formatShape } from '../tensor/layout.js';
import { currentTape } from '../tensor/scope.js';
import { asTensor, Tensor } from '../tensor/tensor.js';

/**
 * What a loss gives.
 *
 * @throws TypeError if that is no tensor
 */
export function lossOf(name: string, loss: Loss, output: Tensor, targets: Tensor): Tensor {
  const value: unknown = loss.forward(output, targets);
  if (value instanceof Tensor) return value;
  throw new TypeError(`${name}: expected the loss to give a tensor, got ${shown(value)}`);
}

/**
 * The loss of a batch, and what it counts: see {@link Loss.weightOf}. What is made of one mean of this library counts what
 * that mean counts, where this depends on more than shapes.
 *
 * @param name of the call, which errors begin with
 * @param rows of the inputs
 * @throws TypeError if the loss gives no tensor; what {@link ownWeight} throws
 */
export function countedLoss(
  name: string,
  loss: Loss,
  output: Tensor,
  targets: Tensor,
  rows: number,
): [value: Tensor, counted: Counted] {
  const notes: Note[] = (listening.notes = []);
  try {
    const value = lossOf(name, loss, output, targets);
    const own = ownWeight(name, loss, output, targets) ?? notes.find((note) => note.value === value);
    if (own) return [value, own];
    const [{ weight, unit }] = notes.length === 1 ? notes : [{ weight: rows, unit: undefined }];
    return [value, typeof weight === 'number' ? { weight: rows } : { weight, unit }];
  } finally {
    listening.notes = undefined;
  }
}

/**
 * What a loss says itself that a batch counts.
 *
 * @throws RangeError on a tensor of several numbers and on a number below 0, TypeError on anything else
 */
function ownWeight(name: string, loss: Loss, output: Tensor, targets: Tensor): Counted | undefined {
  const weight = loss.weightOf?.(output, targets);
  if (!(weight instanceof Tensor)) {
    if (weight === undefined) return undefined;
    checkNumber(name, 'what weightOf() returns', weight, { ...ANY, least: 0 });
    return { weight };
  }
  if (weight.size !== 1) {
    throw new RangeError(
      `${name}: expected weightOf() to return a number or a tensor of one number, got one ${formatShape(weight.shape)}; take its sum()`,
    );
  }
  // Whether a loss is a sum depends on no batch.
  const address = currentTape().address(weight, name);
  return { weight: engine().f32[address / 4] === Infinity ? Infinity : weight };
}

/** What a captured function returns, for figureOf(): the loss first. */
export function resultsOf(value: Tensor, { weight, unit, sum }: Counted): Tensor[] {
  const given = [value, weight, sum ? (unit ?? 1) : unit, sum];
  return given.flatMap((result) => (result === undefined ? [] : asTensor(result)));
}

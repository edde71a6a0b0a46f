import { warn } from '../core/warn.js';
import type { Loss } from '../losses/loss.js';
import { formatShape } from '../tensor/layout.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Value } from '../tensor/value.js';

/** What losses make of outputs by themselves. */
const MADE_OF = { softmax: ['softmax', 'logSoftmax', 'sigmoid'], sigmoid: ['sigmoid', 'softmax'] };

/** Losses of numbers that may be anything. */
const OF_NUMBERS = ['MSELoss', 'L1Loss', 'HuberLoss', 'SmoothL1Loss'];

/** The operation that made a value, through views of it. */
function madeBy({ call }: Value): string | undefined {
  return call?.operation.isView ? madeBy(call.inputs[0]) : call?.operation.name;
}

/**
 * Warns of a loss that hardly goes with these outputs and targets.
 *
 * @param name of the call, which the warning begins with
 */
export function suspect(name: string, loss: Loss, output: Tensor, targets: Tensor): void {
  const own = (loss as { name?: unknown }).name;
  const called = typeof own === 'string' && own !== '' ? own : 'the loss';
  const say = (text: string): void => warn(`${name}: ${text}`);
  const last = madeBy(output);
  const applies = loss.output === 'softmax' || loss.output === 'sigmoid' ? loss.output : undefined;
  if (applies && last !== undefined && MADE_OF[applies].includes(last)) {
    say(
      `${called} applies ${applies} to the outputs itself, and the model ends with ${last}; leave ${last} out of the model`,
    );
  }
  if ((own === 'NLLLoss' || own === 'KLDivLoss') && last === 'softmax') {
    say(`${called} wants logarithms of probabilities, and the model ends with softmax; take nn.LogSoftmax`);
  }
  const shapes = `outputs ${formatShape(output.shape)} and targets ${formatShape(targets.shape)}`;
  const perRow = targets.shape.length === 1;
  const [, width] = output.shape;
  if (OF_NUMBERS.includes(String(own)) && perRow && width > 1) {
    say(`${called} compares numbers, got ${shapes}; for class labels take nn.CrossEntropyLoss`);
  }
  if (applies === 'softmax' && width === 1) {
    say(
      `${called} of a single class is always 0; for two classes take two outputs, or nn.BCEWithLogitsLoss with one`,
    );
  }
  const some = (is: (target: number) => boolean): boolean => targets.source?.read().some(is) === true;
  if (applies === 'softmax' && perRow && some((target) => !Number.isInteger(target))) {
    say(`${called} wants class indices, and the targets are fractions; for numbers take nn.MSELoss`);
  }
  if ((applies === 'sigmoid' || own === 'BCELoss') && some((target) => target < 0 || target > 1)) {
    say(
      `${called} wants targets from 0 to 1, and some are outside; for several classes take nn.CrossEntropyLoss`,
    );
  }
  if ((own === 'HingeLoss' || own === 'HingeEmbeddingLoss') && some((target) => target === 0)) {
    say(`${called} wants targets −1 and 1, and some are 0`);
  }
}

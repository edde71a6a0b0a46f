import { modulesAsking, modulesOf, outputFor, type Module } from '../nn/module.js';
import { formatShape } from '../tensor/layout.js';
import { currentTape } from '../tensor/scope.js';
import type { Tensor } from '../tensor/tensor.js';
import { Value } from '../tensor/value.js';

/**
 * The output of a model whose forward pass is captured.
 *
 * @param moved what the optimizer moves
 * @throws Error where the pass uses what training would not reach: a parameter that the model does not list and the
 * optimizer does not move, or a layer that train() and eval() do not switch
 */
export function forwardOf(name: string, model: Module, inputs: Tensor, moved: unknown): Tensor {
  const { result, asking } = modulesAsking(() => outputFor(model, inputs));
  const known = new Set<unknown>([
    ...modulesOf(model),
    ...model.parameters(),
    ...(Array.isArray(moved) ? moved : []),
  ]);
  const leaves = currentTape().calls.flatMap(({ inputs: used }) => used.filter(({ isLeaf }) => isLeaf));
  for (const used of [...leaves, ...asking]) {
    const isLeaf = used instanceof Value;
    if (known.has(used) || (isLeaf && !used.requiresGrad)) continue;
    const what = isLeaf ? `a parameter ${formatShape(used.shape)}` : `a ${used.constructor.name}`;
    throw new Error(
      `${name}: forward() uses ${what} that the model does not list, so training would not reach it; ` +
        'keep layers and nn.Parameters in fields that are not #private, and freeze what is not to learn',
    );
  }
  return result;
}

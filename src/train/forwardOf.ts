import { modulesAsking, modulesOf, outputFor, type Module } from '../nn/module.js';
import { formatShape } from '../tensor/layout.js';
import { leavesInUse } from '../tensor/gradientsAside.js';
import type { Tensor } from '../tensor/tensor.js';
import { Value } from '../tensor/value.js';

/**
 * The output of a model whose forward pass is captured.
 *
 * @param moved what the optimizer moves
 * @throws Error where the pass uses what training would not reach: a parameter that the model does not list and the
 * optimizer does not move, or a layer that train() and eval() do not switch, or if it makes parameters that the optimizer does not move
 */
export function forwardOf(name: string, model: Module, inputs: Tensor, moved: unknown): Tensor {
  const before = new Set(model.parameters());
  const { result, asking } = modulesAsking(() => outputFor(model, inputs));
  const held = Array.isArray(moved) ? (moved as unknown[]) : undefined;
  const made = model.namedParameters().find(([, one]) => !before.has(one));
  if (made && held && !held.includes(made[1])) {
    throw new Error(
      `${name}: forward() made '${made[0]}', which the optimizer does not move; make layers in the constructor`,
    );
  }
  const known = new Set<unknown>([...modulesOf(model), ...model.parameters(), ...(held ?? [])]);
  for (const used of [...leavesInUse(), ...asking]) {
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

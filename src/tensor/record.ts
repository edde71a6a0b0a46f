import { recordingTape } from './scope.js';
import { Call, type Operation, type Tape } from './tape.js';
import type { Shape } from './layout.js';
import type { Value } from './value.js';
import { sizeOf } from './layout.js';
import { watching } from './watch.js';

/** What {@link record} hands to the constructor of tensors. */
export interface Recorded {
  readonly shape: Shape;
  readonly tape: Tape;
  readonly pointer: number;
  readonly requiresGrad: boolean;
  readonly call: Call | undefined;
}

/** Records one operation on the current tape and runs it at once. */
export function record<Options>(
  operation: Operation<Options>,
  inputs: readonly Value[],
  options: Options,
): Recorded {
  const shape = operation.shape(inputs, options);
  const tape = recordingTape(inputs);
  const call = tape.perform(operation.name, () => {
    const addresses = inputs.map((input) => tape.address(input, operation.name));
    const pointer = operation.isView ? addresses[0] : tape.floats(sizeOf(shape));
    const made = new Call(operation, inputs, addresses, shape, pointer, options);
    operation.forward(tape, made);
    return made;
  });
  for (const watcher of watching()) watcher.recorded?.(tape, call as Call);
  const requiresGrad = tape.recordsGradients && inputs.some((input) => input.requiresGrad);
  if (requiresGrad) tape.calls.push(call as Call);
  return { shape, tape, pointer: call.output, requiresGrad, call: requiresGrad ? (call as Call) : undefined };
}

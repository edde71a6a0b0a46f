import { OURS } from '../candidates.mjs';
import { formatBytes, formatRatio } from '../table.mjs';
import { nameOf, STEPS } from '../workloads.mjs';

/**
 * What training must keep at once, in bytes: parameters, their gradients, the optimizer's state, and what each operation
 * of a step gave (inputs, outputs of layers before and after the activation).
 *
 * @param {import('../workloads.mjs').Workload} workload
 * @param {number} parameters
 * @param {number} momentum
 */
export function neededBytes({ layers, batch }, parameters, momentum) {
  const hidden = layers.slice(1, -1).reduce((sum, width) => sum + 2 * width, 0);
  const activations = batch * (layers[0] + hidden + layers[layers.length - 1]);
  return 4 * (parameters * (momentum > 0 ? 3 : 2) + activations);
}

/**
 * Linear memory at its highest, in a process that does nothing else.
 *
 * @param {import('../context.mjs').Context} context
 */
export async function measureMemory(context) {
  const results = [];
  for (const workload of STEPS) {
    for (const momentum of context.settings.quick ? [0] : [0, 0.9]) {
      context.progress(nameOf(workload));
      const peer = context.pool.fresh(OURS);
      try {
        const request = { command: 'run', task: 'memory', workload: { ...workload, momentum } };
        const { parameters, inUseBytes, memoryBytes } = (
          await peer.ask(request, context.settings.limitSeconds)
        ).result;
        const needed = neededBytes(workload, parameters, momentum);
        results.push({ workload: nameOf(workload), momentum, neededBytes: needed, inUseBytes, memoryBytes });
      } catch (error) {
        context.note(`not measured: memory of ${nameOf(workload)}: ${/** @type {Error} */ (error).message}`);
      }
      peer.end();
    }
  }
  context.table(
    'linear memory against parameters, gradients, optimizer state and activations',
    ['network', 'optimizer', 'sum', 'in use', 'ratio', 'linear memory', 'ratio'],
    results.map(({ workload, momentum, neededBytes, inUseBytes, memoryBytes }) => [
      workload,
      momentum > 0 ? 'SGD, momentum' : 'SGD',
      formatBytes(neededBytes),
      formatBytes(inUseBytes),
      formatRatio(inUseBytes / neededBytes),
      formatBytes(memoryBytes),
      formatRatio(memoryBytes / neededBytes),
    ]),
  );
  return results;
}

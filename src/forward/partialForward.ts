import { Header } from '../../assembly/forward/format.js';
import { ForwardModel } from './forwardModel.js';

/** A model that can be looked into. */
export class PartialForward extends ForwardModel {
  /** Runs the steps before `count` alone, and reads what the next one takes: [rows, width]. */
  before(count: number, rows: Float32Array): Float32Array {
    const view = new DataView(this.memory.buffer);
    const steps = view.getUint32(Header.STEPS, true);
    const output = view.getUint32(Header.OUTPUT, true);
    const { input, dims } = this.compiled.plan.steps[count];
    try {
      view.setUint32(Header.STEPS, count, true);
      view.setUint32(Header.OUTPUT, input.offset, true);
      return this.run(rows, dims[1]);
    } finally {
      const after = new DataView(this.memory.buffer);
      after.setUint32(Header.STEPS, steps, true);
      after.setUint32(Header.OUTPUT, output, true);
    }
  }
}

import { Header, HEADER_BYTES, STEP_BYTES } from '../../assembly/forward/format.js';
import { ForwardModel } from './forwardModel.js';

/** A model that can be looked into. */
export class PartialForward extends ForwardModel {
  /** Runs the steps before `count` alone, and reads what the next one takes: [rows, width]. */
  before(count: number, rows: Float32Array): Float32Array {
    const view = new DataView(this.memory.buffer);
    const steps = view.getUint32(Header.STEPS, true);
    const output = view.getUint32(Header.OUTPUT, true);
    const register = view.getUint32(HEADER_BYTES + count * STEP_BYTES + 4, true);
    try {
      view.setUint32(Header.STEPS, count, true);
      view.setUint32(Header.OUTPUT, register, true);
      return this.run(rows, this.compiled.plan.steps[count].dims[1]);
    } finally {
      const after = new DataView(this.memory.buffer);
      after.setUint32(Header.STEPS, steps, true);
      after.setUint32(Header.OUTPUT, output, true);
    }
  }
}

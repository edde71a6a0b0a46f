import { describe, expect, it } from 'vitest';
import { FUNCTION_SHIFT, Opcode, OPTIONS_BYTES, STATE_BYTES, Update } from '../../assembly/opcodes.js';
import { machineOf, testKernels, BUILDS, type KernelCase, type Machine } from '../support/machine.js';
import { EPSILON, fround, randomFloats } from '../support/numbers.js';
import { step64, UPDATES, type ElementState, type UpdateOptions, type UpdateVariant } from '../support/updates.js';

const STEPS = 4;
/** What Adagrad and the like begin with: not 0, so that their denominators are not as good as nothing. */
const START = 0.25;

function optionsAt(machine: Machine, options: UpdateOptions): number {
  const { lr, weightDecay = 0, first = 0, second = 0, third = 0, fourth = 0 } = options;
  const words = new Float32Array(OPTIONS_BYTES / 4);
  words.set([lr, weightDecay]);
  new Float64Array(words.buffer).set([lr, weightDecay, first, second, third, fourth], 1);
  return machine.ints(new Int32Array(words.buffer));
}

/** State with a first buffer, as UPDATE wants it, and the other buffers. */
function buffersAt(machine: Machine, { buffers }: UpdateVariant, size: number): number[] {
  if (!buffers[0]) return [0, 0, 0];
  const words = new Float32Array(STATE_BYTES / 4 + size);
  new Float64Array(words.buffer, 8, 1).set([1]);
  words.fill(START, STATE_BYTES / 4);
  const state = machine.ints(new Int32Array(words.buffer));
  return [state, ...buffers.slice(1).map((has) => (has ? machine.floats(Array<number>(size).fill(START)) : 0))];
}

function caseOf(variant: UpdateVariant, size: number): KernelCase {
  const start = randomFloats(size, 1);
  const gradients = Array.from({ length: STEPS }, (_, t) => randomFloats(size, 2 + t));
  const elements: ElementState[] = [...start].map((p) => ({ p, buffers: [START, START, START] }));
  for (let t = 1; t <= STEPS; t++) {
    elements.forEach((element, i) => step64(variant, t, gradients[t - 1][i], element));
  }
  const p = elements.map((element) => element.p);
  return {
    name: `${STEPS} steps of ${variant.name} on ${size}`,
    prepare(machine) {
      const parameter = machine.floats(start);
      const [state, second, third] = buffersAt(machine, variant, size);
      const options = optionsAt(machine, variant.options);
      const product = variant.update === Update.NADAM ? options : 0;
      const flags = (variant.update << FUNCTION_SHIFT) | (variant.flags ?? 0);
      const instructions = gradients.flatMap((gradient) => {
        const pointers = [parameter, machine.floats(gradient), state, options, second, third];
        const update = { op: Opcode.UPDATE, flags, pointers, dims: [size] };
        const count = { op: Opcode.COUNT, pointers: [state, product], dims: [1] };
        return state === 0 ? [update] : [update, count];
      });
      // Values stay below 8, and a step has fewer than 12 roundings of them.
      const tolerance = p.map(() => STEPS * 12 * 8 * EPSILON);
      const places = [state === 0 ? 0 : state + STATE_BYTES, second, third];
      return {
        instructions,
        outputs: [
          { pointer: parameter, expected: p, tolerance },
          ...places.flatMap((pointer, i) =>
            pointer === 0 ? [] : [{ pointer, expected: elements.map(({ buffers }) => buffers[i]), tolerance }],
          ),
        ],
      };
    },
  };
}

testKernels(
  'UPDATE',
  UPDATES.flatMap((variant) => [0, 1, 3, 4, 16, 17, 67].map((size) => caseOf(variant, size))),
);

/** One element, one step: what comes of it. */
function single(update: Update, gradient: number, steps: bigint, options: UpdateOptions, old = 0): number[] {
  return BUILDS.map((build) => {
    const machine = machineOf(build);
    const variant: UpdateVariant = { name: '', update, options, buffers: [true, true, false] };
    const parameter = machine.floats([1]);
    const [state, second] = buffersAt(machine, variant, 1);
    machine.f32[(state + STATE_BYTES) / 4] = old;
    machine.f32[second / 4] = old ** 2;
    new BigUint64Array(machine.memory.buffer, state, 1)[0] = steps;
    const pointers = [parameter, machine.floats([gradient]), state, optionsAt(machine, options), second, 0];
    machine.run(1, [{ op: Opcode.UPDATE, flags: update << FUNCTION_SHIFT, pointers, dims: [1] }]);
    return machine.read(parameter, 1)[0];
  });
}

describe('UPDATE at the edges', () => {
  const adam = { lr: 0.5, first: 0.9, second: 0.999, third: 1e-8 };

  // The first step of Adam has the size of lr, and later ones forget that they began: both need exact corrections.
  it.each([0n, 1n, 9n, 999n, 123_456n, 2n ** 33n, 2n ** 52n])('corrects the bias after %i steps of Adam', (steps) => {
    const t = Number(steps) + 1;
    const m = 0.9 * 0.25 + 0.1 * 2;
    const v = 0.999 * 0.25 ** 2 + 0.001 * 4;
    const exact = 1 - (0.5 * (m / -Math.expm1(t * Math.log(0.9)))) / (Math.sqrt(v / -Math.expm1(t * Math.log(0.999))) + 1e-8);
    for (const p of single(Update.ADAM, 2, steps, adam, 0.25)) {
      expect(Math.abs(p - exact)).toBeLessThanOrEqual(12 * 8 * EPSILON);
    }
  });

  it('keeps NaN loud, and lets a gradient of 0 move nothing', () => {
    for (const update of [Update.SGD, Update.ADAM, Update.RMSPROP, Update.ADAGRAD, Update.ADADELTA, Update.LION]) {
      expect(single(update, NaN, 3n, adam).every(Number.isNaN), `${update}`).toBe(true);
      expect(single(update, 0, 3n, adam), `${update}`).toEqual(BUILDS.map(() => 1));
    }
  });

  it('lets a gradient of 0 move nothing without an eps either', () => {
    for (const update of [Update.ADAM, Update.NADAM, Update.RMSPROP, Update.ADAGRAD, Update.ADADELTA]) {
      expect(single(update, 0, 0n, { ...adam, third: 0 }), `${update}`).toEqual(BUILDS.map(() => 1));
    }
  });

  it('rounds options once: beta2 is the float next to 0.999, 1 − beta2 the one next to 0.001', () => {
    for (const build of BUILDS) {
      const machine = machineOf(build);
      const variant = UPDATES.find(({ name }) => name === 'RMSprop')!;
      const [state] = buffersAt(machine, variant, 1);
      machine.f32[(state + STATE_BYTES) / 4] = 0;
      const options = optionsAt(machine, { lr: 0, second: 0.999 });
      const pointers = [machine.floats([1]), machine.floats([1]), state, options, 0, 0];
      machine.run(1, [{ op: Opcode.UPDATE, flags: Update.RMSPROP << FUNCTION_SHIFT, pointers, dims: [1] }]);
      expect(machine.read(state + STATE_BYTES, 1)[0]).toBe(fround(1 - 0.999));
    }
  });
});

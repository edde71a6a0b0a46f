import { FLAG_NESTEROV, Opcode } from '../../assembly/opcodes.js';
import { testKernels, type KernelCase } from '../support/machine.js';
import { EPSILON, fround, randomFloats } from '../support/numbers.js';

const VARIANTS = [
  { name: 'plain', momentum: 0, dampening: 0, weightDecay: 0, nesterov: false },
  { name: 'weight decay', momentum: 0, dampening: 0, weightDecay: 0.1, nesterov: false },
  { name: 'momentum', momentum: 0.9, dampening: 0, weightDecay: 0, nesterov: false },
  { name: 'dampening', momentum: 0.9, dampening: 0.3, weightDecay: 0.01, nesterov: false },
  { name: 'nesterov', momentum: 0.8, dampening: 0, weightDecay: 0.01, nesterov: true },
];

function* cases(): Generator<KernelCase> {
  for (const variant of VARIANTS) {
    for (const size of [0, 1, 3, 4, 16, 17, 67]) {
      const { name, nesterov } = variant;
      const [lr, momentum, dampening, weightDecay] = [0.05, variant.momentum, variant.dampening, variant.weightDecay].map(fround);
      const start = randomFloats(size, 1);
      const gradient = randomFloats(size, 2);
      const p: number[] = [...start];
      const buffer: number[] = p.map(() => 0);
      const steps = 3;
      for (let step = 0; step < steps; step++) {
        for (let i = 0; i < size; i++) {
          let g = gradient[i] + weightDecay * p[i];
          if (momentum > 0) {
            buffer[i] = step === 0 ? g : momentum * buffer[i] + (1 - dampening) * g;
            g = nesterov ? g + momentum * buffer[i] : buffer[i];
          }
          p[i] -= lr * g;
        }
      }
      yield {
        name: `${steps} steps of SGD on ${size}, ${name}`,
        prepare(machine) {
          const parameter = machine.floats(start);
          const buffered = machine.floats(buffer.map(() => 0));
          const count = machine.ints([0, 0]);
          const pointers = [
            parameter,
            machine.floats(gradient),
            momentum > 0 ? buffered : 0,
            machine.floats([lr, momentum, dampening, weightDecay]),
            momentum > 0 ? count : 0,
          ];
          const step = [
            { op: Opcode.SGD, flags: nesterov ? FLAG_NESTEROV : 0, pointers, dims: [size] },
            { op: Opcode.COUNT, pointers: [count], dims: [1] },
          ];
          return {
            instructions: [...step, ...step, ...step],
            outputs: [
              { pointer: parameter, expected: p, tolerance: p.map(() => 40 * EPSILON) },
              { pointer: buffered, expected: buffer, tolerance: buffer.map(() => 80 * EPSILON) },
            ],
          };
        },
      };
    }
  }
}

testKernels('SGD', [...cases()]);

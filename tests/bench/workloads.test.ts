import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { encodeNumbers, numbersFile } from '../../bench/numbersFile.mjs';
import { neighbourOf, passFlops } from '../../bench/shapes.mjs';
import { forwardFlops, nameOf, numbersOf, stepFlops, STEPS } from '../../bench/workloads.mjs';

const small = { layers: [2, 16, 2], batch: 4 };

describe('operations', () => {
  it('counts a step: forward and weight gradients of all layers, input gradients of all but the first', () => {
    const [first, second] = [2 * 4 * 2 * 16, 2 * 4 * 16 * 2];
    expect(forwardFlops(small)).toBe(first + second);
    expect(stepFlops(small)).toBe(2 * first + 3 * second);
    expect(stepFlops({ layers: [784, 128, 10], batch: 32 })).toBe(2 * 32 * (2 * 784 * 128 + 3 * 128 * 10));
  });

  it('counts a pass of a dense layer', () => {
    expect(passFlops({ batch: 3, inFeatures: 5, outFeatures: 7 })).toBe(210);
  });

  it('rounds a shape up to its neighbour', () => {
    expect(neighbourOf({ batch: 17, inFeatures: 16, outFeatures: 1 })).toEqual({
      batch: 24,
      inFeatures: 16,
      outFeatures: 8,
    });
  });
});

describe('the numbers of a workload', () => {
  it.each(STEPS.slice(0, 3))('of $layers are the same for everybody who asks', (workload) => {
    const numbers = numbersOf(workload);
    expect(numbersOf(workload)).toEqual(numbers);
    expect(numbers.inputs).toHaveLength(workload.batch * workload.layers[0]);
    expect(numbers.labels.every((label) => label >= 0 && label < workload.layers.at(-1)!)).toBe(true);
    expect(new Set(numbers.inputs).size).toBeGreaterThan(numbers.inputs.length * 0.9);
    expect(numbers.weights.map(({ weight, bias }) => [weight.length, bias.length])).toEqual(
      workload.layers.slice(1).map((out, i) => [out * workload.layers[i], out]),
    );
  });

  it('do not change with the batch, but for the rows', () => {
    expect(numbersOf({ ...small, batch: 9 }).weights).toEqual(numbersOf(small).weights);
  });

  it('are in the file for peers of other languages, in the order they read it', () => {
    const { inputs, labels, weights } = numbersOf(small);
    const bytes = readFileSync(numbersFile(small));
    expect(bytes).toEqual(encodeNumbers(numbersOf(small)));
    let position = 0;
    const floats = (count: number) =>
      Float32Array.from({ length: count }, () => bytes.readFloatLE((position += 4) - 4));
    expect(floats(inputs.length)).toEqual(inputs);
    expect(Int32Array.from(labels, () => bytes.readInt32LE((position += 4) - 4))).toEqual(labels);
    for (const { weight, bias } of weights) {
      expect(floats(weight.length)).toEqual(weight);
      expect(floats(bias.length)).toEqual(bias);
    }
    expect(position).toBe(bytes.length);
  });

  it('have a name', () => expect(nameOf(small)).toBe('2-16-2 @ 4'));
});

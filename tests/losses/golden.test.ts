import { describe, expect, it } from 'vitest';
import { capture, nn, tensor, type Tensor } from 'wasmgrad';
import golden from '../reference/layers.json' with { type: 'json' };
import { mismatch } from '../support/machine.js';
import { EPSILON } from '../support/numbers.js';

interface Stored {
  shape: number[];
  data: number[];
}
interface LossRecord {
  class: string;
  options: Record<string, unknown>;
  args: Stored[];
  results: Record<string, { value: Stored; seed: Stored; gradients: Stored[] }>;
}
interface AnyLoss {
  forward(...args: unknown[]): Tensor;
}

const records = golden.losses as unknown as Record<string, LossRecord>;
const stored = ({ shape, data }: Stored, requiresGrad = false): Tensor =>
  tensor(Float32Array.from(data), { shape, requiresGrad });
const weights = stored(golden.weights);
const make = (record: LossRecord, reduction: string): AnyLoss => {
  const classes = nn as unknown as Record<string, new (options: object) => AnyLoss>;
  return new classes[record.class]({ ...record.options, reduction });
};

/** Roundings of a pass: the longest reduction, 28 losses, and those of the functions, on both sides. */
const PASS = 2 * (28 + 20) * EPSILON;

function expectClose(actual: ArrayLike<number>, { data }: Stored, room: number, what: string): void {
  const size = Math.max(...data.map(Math.abs));
  expect(mismatch(actual, { expected: data, tolerance: data.map(() => room * size) }), what).toBeNull();
}

describe('losses are as PyTorch computes them', () => {
  const cases = Object.entries(records).flatMap(([name, record]) =>
    Object.keys(record.results).map((key) => [name, key] as const),
  );

  it('in every reduction', () => {
    expect(Object.keys(records).length).toBeGreaterThan(40);
    const known = Object.keys(nn).filter((name) => name.endsWith('Loss'));
    expect(new Set(Object.values(records).map((record) => record.class))).toEqual(new Set(known));
    for (const { results } of Object.values(records)) {
      expect(Object.keys(results)).toEqual(
        expect.arrayContaining(['mean', 'sum', 'none', 'mean weighted', 'sum weighted', 'none weighted']),
      );
    }
  });

  it.each(cases)('%s, %s', (name, key) => {
    const record = records[name];
    const [reduction, weighted] = key.split(' ');
    const loss = make(record, reduction);
    const { value, seed, gradients } = record.results[key];
    const args = record.args.map((arg, i) => stored(arg, i < gradients.length));
    const extra = weighted ? [{ weights }] : [];
    const result = loss.forward(...args, ...extra);
    expect(result.shape).toEqual(value.shape);
    expectClose(result.data, value, PASS, 'value');
    result.backward(stored(seed));
    gradients.forEach((gradient, i) => expectClose(args[i].grad!.data, gradient, 4 * PASS, `gradient ${i}`));

    // A replay gives the same bits as the call spelled out.
    const leaves = args.slice(0, gradients.length);
    const seen = leaves.map((leaf) => [...leaf.grad!.data]);
    const step = capture((...rest: Tensor[]) => {
      for (const leaf of leaves) leaf.grad = null;
      const output = loss.forward(...leaves, ...rest, ...extra);
      output.backward(stored(seed));
      return [output, ...leaves.map((leaf) => leaf.grad!)];
    });
    const rest = args.slice(gradients.length);
    step(...rest);
    const [output, ...again] = step(...rest).map((one) => [...one.data]);
    expect(output).toEqual([...loss.forward(...args, ...extra).data]);
    expect(again).toEqual(seen);
  });
});

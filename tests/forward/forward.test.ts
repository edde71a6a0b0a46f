import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nn, runtimeInfo } from 'wasmgrad';
import { compile, eightBit, imageOf } from '../../src/forward/compile.js';
import { ForwardModel } from '../../src/forward/forwardModel.js';
import { compiled as core } from '../../src/forward/inferInside.js';
import { describe as describeModel } from '../../src/io/architecture.js';
import { architectures } from '../support/architectures.js';

function forwardOf(model: nn.Module, inFeatures?: number): ForwardModel {
  const { architecture, output, state } = describeModel(model);
  const compiled = compile('test', architecture, { output, eight: eightBit(state), inFeatures });
  return new ForwardModel(core(), compiled, imageOf(compiled, state));
}

describe('the forward pass', () => {
  it('gives what random models predict, to the bit', () => {
    fc.assert(
      fc.property(
        architectures(),
        fc.constantFrom('raw' as const, 'softmax' as const, 'sigmoid' as const),
        fc.constantFrom(1, 2, 3, 4, 5, 7),
        ({ make, rows }, output, count) => {
          const model = make();
          model.output = output;
          const input = Array.from({ length: count }, (_, i) => rows[i % rows.length]);
          const expected = model.predict(input);
          const got = forwardOf(model, rows[0].length).predict(input);
          if (runtimeInfo().build === 'strict') expect(got).toEqual(expected);
        },
      ),
      { numRuns: 500 },
    );
  });
});

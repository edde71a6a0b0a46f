import { expect } from 'vitest';
import { runtimeInfo, type nn } from 'wasmgrad';
import { compile } from '../../src/forward/compile.js';
import { eightBit, imageOf } from '../../src/forward/image.js';
import { ForwardModel } from '../../src/forward/forwardModel.js';
import { compiled as core } from '../../src/forward/inferInside.js';
import { describe } from '../../src/io/architecture.js';

type Rows = Float32Array | number[] | number[][];

export function forwardOf(model: nn.Module, inFeatures?: number): ForwardModel {
  const { architecture, output, state } = describe(model);
  const compiled = compile('test', architecture, { output, eight: eightBit(state), inFeatures });
  return new ForwardModel(core(), compiled, imageOf(compiled, state));
}

/**
 * Whether what another way of predicting gave is what the model predicts: to the bit in the strict build, whose arithmetic
 * all exports have. Where the model itself runs with fused multiply-add its predictions differ in roundings, and only that
 * there are as many is looked at.
 */
export function expectSamePredictions(model: nn.Module, predicted: unknown, rows: Rows): void {
  const expected = ArrayBuffer.isView(rows) ? model.predict(rows) : model.predict(rows);
  if (runtimeInfo().build === 'strict') expect(predicted).toEqual(expected);
  else expect((predicted as ArrayLike<unknown>).length).toBe((expected as ArrayLike<unknown>).length);
}

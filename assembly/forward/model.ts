import { normalizeRows } from '../kernels/norm';
import { embedding } from '../kernels/pick';
import { softmax } from '../kernels/softmax';
import { activation } from '../kernels/unary';
import { FUNCTION_SHIFT, Status } from '../opcodes';
import { dense } from './dense';
import { dense8 } from './dense8';
import { Header, SLACK_BYTES, Step, STEP_WORDS } from './format';
import { add, affine, embedding8, spread } from './rows';

/** Numbers of a row that goes in. */
export function inFeatures(): i32 {
  return load<i32>(Header.IN_FEATURES);
}

/** Numbers of a row that comes out. */
export function outFeatures(): i32 {
  return load<i32>(Header.OUT_FEATURES);
}

/** Where to write so many rows: [rows, inFeatures]. Makes room for the batch; 0 where the host gives no memory. */
export function input(rows: i32): usize {
  const begin = load<u32>(Header.ACTIVATIONS);
  const need = <u64>begin + (<u64>(<u32>rows) * <u64>load<u32>(Header.ROW_FLOATS) << 2) + SLACK_BYTES;
  const pages = <u64>memory.size();
  if (need > pages << 16) {
    if (need > 0xffffffff || memory.grow(<i32>(((need + 0xffff) >> 16) - pages)) < 0) return 0;
  }
  return begin;
}

/** Where the results of run(rows) are: [rows, outFeatures]. */
export function output(rows: i32): usize {
  return register(load<u32>(Header.OUTPUT), rows);
}

// @ts-ignore: decorator
@inline
function register(offset: u32, rows: i32): usize {
  return load<u32>(Header.ACTIVATIONS) + ((<usize>rows * <usize>offset) << 2);
}

/** Dimension i of the step. */
// @ts-ignore: decorator
@inline
function d(i: i32): i32 {
  return load<i32>(Header.STEP + 16 + (<usize>i << 2));
}

/** Address i. */
// @ts-ignore: decorator
@inline
function p(i: i32): usize {
  return load<u32>(Header.STEP + 28 + (<usize>i << 2));
}

/** Scalar i. */
// @ts-ignore: decorator
@inline
function s(i: i32): f32 {
  return load<f32>(Header.STEP + 40 + (<usize>i << 2));
}

/** Puts the words of a step where they are read; returns where the next one begins. */
function readStep(at: usize): usize {
  for (let to: usize = Header.STEP, end = to + 4 * STEP_WORDS; to < end; to += 4) {
    let word: u32 = 0;
    let shift: u32 = 0;
    let byte: u32;
    do {
      byte = load<u8>(at++);
      word |= (byte & 127) << shift;
      shift += 7;
    } while (byte > 127);
    store<u32>(to, word);
  }
  return at;
}

/**
 * The outputs of the rows that have been written to input(rows), which stay what they are.
 *
 * @returns 0, or Status.INDEX where an index of an embedding is none
 */
export function run(rows: i32): i32 {
  let at: usize = load<u32>(Header.PROGRAM);
  for (let left = load<i32>(Header.STEPS); left > 0; left--) {
    at = readStep(at);
    const x = register(load<u32>(Header.STEP, 4), rows);
    const y = register(load<u32>(Header.STEP, 8), rows);
    const z = register(load<u32>(Header.STEP, 12), rows);
    const fn = load<i32>(Header.STEP) >> FUNCTION_SHIFT;
    const d0 = d(0);
    const d1 = d(1);
    const d2 = d(2);
    const count = rows * d0;
    let status = Status.OK;
    switch (load<i32>(Header.STEP) & 0xff) {
      case Step.DENSE: dense(y, x, p(0), p(1), rows, d0, d1, s(0)); break;
      case Step.DENSE_8: dense8(y, x, p(0), p(1), p(2), z, rows, d0, d1, s(0), s(1)); break;
      case Step.UNARY: activation(fn, y, x, s(0), s(1), count); break;
      case Step.SOFTMAX: softmax(fn, y, x, d1, d2, 0, d2 == 1 ? count : count * ((d2 + 3) >> 2)); break;
      case Step.NORMALIZE: normalizeRows(fn, y, x, count, d1, s(0)); break;
      case Step.AFFINE: affine(fn, y, x, count, d1, d2, p(0), p(1), p(2), p(3)); break;
      case Step.ADD: add(y, x, z, count); break;
      case Step.SPREAD: spread(y + p(0), x, count, d1, d2); break;
      case Step.EMBEDDING: status = embedding(y, p(0), x, d1, d2, 0, count); break;
      default: status = embedding8(y, p(0), p(1), x, d1, d2, count);
    }
    if (status != Status.OK) return status;
  }
  return Status.OK;
}

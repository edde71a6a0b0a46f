import type { Tensor } from 'wasmgrad';
import { checkGradient, input, type Input } from './checks.js';
import type { Case, Wasmgrad } from './suite.js';

/** A function of tensors, and the numbers to try it with. */
type Row = readonly [(this: Wasmgrad, ...inputs: Tensor[]) => Tensor, ...Input[]];

const x = input([3, 5], 2);
const y = input([3, 5], 3);
const row = input([5], 12);
const positive = input([3, 5], 4, 0.2, 3);

/** By the name of the method, or of the function where there is none; what follows a space tells calls apart. */
export const OPERATIONS: Record<string, Row> = {
  add: [(a, b) => a.add(b), x, y],
  'add broadcast': [(a, b) => a.add(b), x, row],
  sub: [(a, b) => a.sub(b), x, y],
  'sub broadcast': [(a, b) => a.sub(b), row, x],
  mul: [(a, b) => a.mul(b), x, y],
  'mul broadcast': [(a, b) => a.mul(b), x, input([3, 1], 5)],
  div: [(a, b) => a.div(b), x, positive],
  neg: [(a) => a.neg(), x],
  'pow number': [(a) => a.pow(3), x],
  'pow tensor': [(a, b) => a.pow(b), positive, y],
  exp: [(a) => a.exp(), x],
  log: [(a) => a.log(), positive],
  sqrt: [(a) => a.sqrt(), positive],
  abs: [(a) => a.abs(), x],
  square: [(a) => a.square(), x],
  maximum: [(a, b) => a.maximum(b), x, y],
  minimum: [(a, b) => a.minimum(b), x, y],
  clamp: [(a) => a.clamp(-0.5, 1), x],
  matmul: [(a, b) => a.matmul(b), x, input([5, 9], 6)],
  'matmul large': [(a, b) => a.matmul(b), input([7, 17], 7), input([17, 11], 8)],
  'matmul stacks': [(a, b) => a.matmul(b), input([2, 3, 4], 7), input([4, 2], 8)],
  transpose: [(a) => a.transpose().mul(2), x],
  reshape: [(a) => a.reshape(5, 3).softmax(), x],
  slice: [(a) => a.slice(1, 1, 4), x],
  sum: [(a) => a.sum(), x],
  'sum along': [(a) => a.sum(1), x],
  mean: [(a) => a.mean(0, true), x],
  max: [(a) => a.max(1), x],
  relu: [(a) => a.relu(), x],
  leakyRelu: [(a) => a.leakyRelu(0.25), x],
  elu: [(a) => a.elu(0.75), x],
  sigmoid: [(a) => a.sigmoid(), x],
  tanh: [(a) => a.tanh(), x],
  gelu: [(a) => a.gelu(), x],
  silu: [(a) => a.silu(), x],
  softplus: [(a) => a.softplus(2), x],
  mish: [(a) => a.mish(), x],
  hardtanh: [(a) => a.hardtanh(-0.5, 1), x],
  softmax: [(a) => a.softmax(), x],
  'softmax along': [(a) => a.softmax(0), x],
  logSoftmax: [(a) => a.logSoftmax(), x],
  concat: [
    function (a, b) {
      return this.concat([a, b], 1);
    },
    x,
    input([3, 2], 9),
  ],
  defineOp: [
    function (a, b) {
      const scaled = this.defineOp({
        name: 'scaled',
        forward: (p: Tensor, q: Tensor) => p.mul(q),
        backward: ({ inputs: [p, q], gradient }) => [gradient.mul(q), gradient.mul(p)],
      });
      return scaled(a, b);
    },
    x,
    y,
  ],
};

export const operations: Record<string, Case> = Object.fromEntries(
  Object.entries(OPERATIONS).map(([name, [fn, ...inputs]]): [string, Case] => [
    `operation ${name}`,
    (wasmgrad) => checkGradient(wasmgrad, fn.bind(wasmgrad), inputs),
  ]),
);

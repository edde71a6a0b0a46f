import type { nn, Tensor } from 'wasmgrad';
import { checkGradient, input, numbers, type Input } from './checks.js';
import type { Case, Wasmgrad } from './suite.js';

type Forward = (...inputs: Tensor[]) => Tensor;

interface Row {
  readonly make: (losses: Wasmgrad['nn']) => Forward;
  /** [4, 3] without it. */
  readonly inputs?: readonly Input[];
}

const logits = input([4, 3]);
const labels = [2, 0, 1, 2];
const sides = [1, -1, 1, -1];
const zerosAndOnes = [
  [1, 0, 0],
  [0, 1, 1],
  [1, 1, 0],
  [0, 0, 1],
];
const distribution = [
  [0.5, 0.25, 0.25],
  [0, 0.75, 0.25],
  [1, 0, 0],
  [0.125, 0.125, 0.75],
];
const weights = [1, 0.5, 2, 0];

/** A loss of elements, with targets that are numbers. */
function ofElements(loss: nn.Loss & { forward(p: Tensor, t: number[][]): Tensor }): Forward {
  const targets = Array.from({ length: 4 }, (_, i) => [...numbers(3, 20 + i)]);
  return (x) => loss.forward(x, targets);
}

/** By the name of the class; what follows a space tells instances apart. */
export const LOSSES: Record<string, Row> = {
  MSELoss: { make: ({ MSELoss }) => ofElements(new MSELoss()) },
  L1Loss: { make: ({ L1Loss }) => ofElements(new L1Loss()) },
  HuberLoss: { make: ({ HuberLoss }) => ofElements(new HuberLoss({ delta: 0.5 })) },
  SmoothL1Loss: { make: ({ SmoothL1Loss }) => ofElements(new SmoothL1Loss({ reduction: 'sum' })) },
  BCELoss: {
    make: ({ BCELoss }) => {
      const loss = new BCELoss();
      return (x) => loss.forward(x.sigmoid(), zerosAndOnes);
    },
  },
  BCEWithLogitsLoss: {
    make: ({ BCEWithLogitsLoss }) => {
      const loss = new BCEWithLogitsLoss();
      return (x) => loss.forward(x, zerosAndOnes);
    },
  },
  'BCEWithLogitsLoss posWeight': {
    make: ({ BCEWithLogitsLoss }) => {
      const loss = new BCEWithLogitsLoss({ posWeight: [1, 2, 3] });
      return (x) => loss.forward(x, zerosAndOnes, { weights });
    },
  },
  CrossEntropyLoss: {
    make: ({ CrossEntropyLoss }) => {
      const loss = new CrossEntropyLoss();
      return (x) => loss.forward(x, labels);
    },
  },
  'CrossEntropyLoss smooth': {
    make: ({ CrossEntropyLoss }) => {
      const loss = new CrossEntropyLoss({ labelSmoothing: 0.1 });
      return (x) => loss.forward(x, labels, { weights });
    },
  },
  'CrossEntropyLoss distribution': {
    make: ({ CrossEntropyLoss }) => {
      const loss = new CrossEntropyLoss();
      return (x) => loss.forward(x, distribution);
    },
  },
  NLLLoss: {
    make: ({ NLLLoss }) => {
      const loss = new NLLLoss();
      return (x) => loss.forward(x.logSoftmax(), labels);
    },
  },
  KLDivLoss: {
    make: ({ KLDivLoss }) => {
      const loss = new KLDivLoss({ reduction: 'batchmean' });
      return (x) => loss.forward(x.logSoftmax(), distribution);
    },
  },
  HingeLoss: {
    make: ({ HingeLoss }) => {
      const loss = new HingeLoss();
      return (x) => loss.forward(x, sides);
    },
    inputs: [input([4], 11)],
  },
  HingeEmbeddingLoss: {
    make: ({ HingeEmbeddingLoss }) => {
      const loss = new HingeEmbeddingLoss();
      return (x) => loss.forward(x, sides);
    },
    inputs: [input([4], 12)],
  },
  CosineEmbeddingLoss: {
    make: ({ CosineEmbeddingLoss }) => {
      const loss = new CosineEmbeddingLoss();
      return (a, b) => loss.forward(a, b, sides);
    },
    inputs: [logits, input([4, 3], 13)],
  },
  TripletMarginLoss: {
    make: ({ TripletMarginLoss }) => {
      const loss = new TripletMarginLoss();
      return (a, b, c) => loss.forward(a, b, c);
    },
    inputs: [logits, input([4, 3], 14), input([4, 3], 15)],
  },
};

export const losses: Record<string, Case> = Object.fromEntries(
  Object.entries(LOSSES).map(([name, { make, inputs = [logits] }]): [string, Case] => [
    `loss ${name}`,
    (wasmgrad) => checkGradient(wasmgrad, make(wasmgrad.nn), inputs),
  ]),
);

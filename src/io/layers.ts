import type { LayerDescription } from './storedModel.js';

export type LayerType = LayerDescription['type'];

/** The description of one type of layer. */
export type DescriptionOf<T extends LayerType> = LayerDescription extends infer D
  ? D extends { readonly type: infer U }
    ? T extends U
      ? D
      : never
    : never
  : never;

/** What a value of a description has to be. */
export interface Field {
  readonly expected: string;
  readonly accepts: (value: unknown) => boolean;
}

type FieldName<T extends LayerType> = Exclude<keyof DescriptionOf<T>, 'type'> & string;

/** One type of layer: what its constructor takes. */
interface LayerKind<T extends LayerType> {
  /** What its constructor takes: arguments in order, then what its last argument, an object, has. */
  readonly fields?: readonly FieldName<T>[];
  /** What is wrong with values that are right by themselves. */
  readonly wrong?: (layer: DescriptionOf<T>) => string | false;
  /** The field that holds the layers inside, and what each of them is called. */
  readonly children?: readonly [field: FieldName<T>, name: 'position' | 'field'];
}

const isSize = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) > 0;
const isNumber = (value: unknown): value is number => typeof value === 'number' && !Number.isNaN(value);

const size: Field = { expected: 'a positive integer', accepts: isSize };
const shape: Field = {
  expected: 'a list of 1 to 16 positive integers',
  accepts: (value) => Array.isArray(value) && value.length > 0 && value.length <= 16 && value.every(isSize),
};
const number: Field = { expected: 'a number', accepts: isNumber };
const finite: Field = { expected: 'a finite number', accepts: Number.isFinite };
const positive: Field = {
  expected: 'a finite number above 0',
  accepts: (value) => Number.isFinite(value) && (value as number) > 0,
};
const eps: Field = {
  expected: 'a finite number ≥ 0',
  accepts: (value) => Number.isFinite(value) && (value as number) >= 0,
};
const probability: Field = {
  expected: 'a number in [0, 1)',
  accepts: (value) => isNumber(value) && value >= 0 && value < 1,
};
const share: Field = {
  expected: 'a number in [0, 1] or null',
  accepts: (value) => value === null || (isNumber(value) && value >= 0 && value <= 1),
};
const position: Field = {
  expected: 'a non-negative integer or null',
  accepts: (value) => value === null || (Number.isSafeInteger(value) && (value as number) >= 0),
};
const dim: Field = { expected: 'an integer', accepts: (value) => Number.isSafeInteger(value) };
const flag: Field = { expected: 'true or false', accepts: (value) => typeof value === 'boolean' };

/** What the fields have to be: one of the same name is the same in every layer. */
const FIELDS: Readonly<Record<string, Field>> = {
  inFeatures: size,
  outFeatures: size,
  numFeatures: size,
  numParameters: size,
  numEmbeddings: size,
  embeddingDim: size,
  normalizedShape: shape,
  bias: flag,
  affine: flag,
  elementwiseAffine: flag,
  trackRunningStats: flag,
  eps,
  momentum: share,
  paddingIdx: position,
  p: probability,
  negativeSlope: finite,
  alpha: finite,
  beta: positive,
  threshold: number,
  min: number,
  max: number,
  dim,
};

/**
 * Every layer that can be stored: a line for each. No module is imported here, so that a reader that builds none (`infer`)
 * checks files by the same table; `modules.ts` has the classes.
 */
export const LAYERS: { readonly [T in LayerType]: LayerKind<T> } = {
  Linear: {
    fields: ['inFeatures', 'outFeatures', 'bias'],
  },
  BatchNorm1d: {
    fields: ['numFeatures', 'eps', 'momentum', 'affine', 'trackRunningStats'],
  },
  LayerNorm: {
    fields: ['normalizedShape', 'eps', 'elementwiseAffine', 'bias'],
  },
  RMSNorm: {
    fields: ['normalizedShape', 'eps', 'elementwiseAffine'],
  },
  Embedding: {
    fields: ['numEmbeddings', 'embeddingDim', 'paddingIdx'],
    wrong: ({ numEmbeddings, paddingIdx }) =>
      paddingIdx !== null &&
      paddingIdx >= numEmbeddings &&
      `expected paddingIdx below ${numEmbeddings}, got ${paddingIdx}`,
  },
  Standardize: {
    fields: ['numFeatures'],
  },
  Dropout: { fields: ['p'] },
  AlphaDropout: { fields: ['p'] },
  LeakyReLU: { fields: ['negativeSlope'] },
  ELU: { fields: ['alpha'] },
  Softplus: {
    fields: ['beta', 'threshold'],
  },
  Hardtanh: {
    fields: ['min', 'max'],
    wrong: ({ min, max }) => !(min < max) && `expected min below max, got ${min} and ${max}`,
  },
  PReLU: {
    fields: ['numParameters'],
  },
  Softmax: { fields: ['dim'] },
  LogSoftmax: { fields: ['dim'] },
  ReLU: {},
  SELU: {},
  GELU: {},
  SiLU: {},
  Mish: {},
  Sigmoid: {},
  Tanh: {},
  Identity: {},
  Flatten: {},
  Sequential: { children: ['layers', 'position'] },
  Concat: {
    children: ['branches', 'position'],
    wrong: ({ branches }) => branches.length === 0 && 'expected at least one branch, got none',
  },
  Residual: { children: ['inner', 'field'] },
};

/** A line of the table, where nothing is known of the type. */
export interface AnyKind {
  readonly fields?: readonly string[];
  readonly wrong?: (layer: LayerDescription) => string | false;
  readonly children?: readonly [field: string, name: 'position' | 'field'];
}

export function kindOf(type: LayerType): AnyKind {
  return LAYERS[type] as unknown as AnyKind;
}

export function isLayerType(type: unknown): type is LayerType {
  return typeof type === 'string' && Object.hasOwn(LAYERS, type);
}

/** The fields of a type but for layers inside it. */
export function fieldsOf(type: LayerType): (readonly [name: string, field: Field])[] {
  return (kindOf(type).fields ?? []).map((name) => [name, FIELDS[name]]);
}

/** The layers inside one, each with its name. */
export function childrenOf(layer: LayerDescription): (readonly [name: string, child: LayerDescription])[] {
  const [field, naming] = kindOf(layer.type).children ?? [];
  if (field === undefined) return [];
  const value = (layer as unknown as Record<string, unknown>)[field];
  if (naming === 'field') return [[field, value as LayerDescription]];
  return (value as LayerDescription[]).map((child, i) => [String(i), child] as const);
}

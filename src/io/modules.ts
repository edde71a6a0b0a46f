import {
  ELU,
  GELU,
  Hardtanh,
  LeakyReLU,
  LogSoftmax,
  Mish,
  PReLU,
  ReLU,
  SELU,
  Sigmoid,
  SiLU,
  Softmax,
  Softplus,
  Tanh,
} from '../nn/activations.js';
import { AlphaDropout, Dropout } from '../nn/dropout.js';
import { Embedding } from '../nn/embedding.js';
import { Flatten } from '../nn/flatten.js';
import { Linear } from '../nn/linear.js';
import type { Module } from '../nn/module.js';
import { BatchNorm1d, LayerNorm, RMSNorm } from '../nn/norm.js';
import { Sequential } from '../nn/sequential.js';
import { Standardize } from '../nn/standardize.js';
import { Concat, Identity, Residual } from '../nn/structure.js';
import type { LayerType } from './layers.js';

/** The class of each layer. What its constructor takes stands in `layers.ts`. */
export const MODULES: { readonly [T in LayerType]: new (...args: never[]) => Module } = {
  AlphaDropout,
  BatchNorm1d,
  Concat,
  Dropout,
  ELU,
  Embedding,
  Flatten,
  GELU,
  Hardtanh,
  Identity,
  LayerNorm,
  LeakyReLU,
  Linear,
  LogSoftmax,
  Mish,
  PReLU,
  ReLU,
  Residual,
  RMSNorm,
  SELU,
  Sequential,
  Sigmoid,
  SiLU,
  Softmax,
  Softplus,
  Standardize,
  Tanh,
};

export { CrossEntropyLoss } from '../losses/crossEntropy.js';
export type { Loss } from '../losses/loss.js';
export { MSELoss } from '../losses/mse.js';
export {
  ELU,
  GELU,
  LeakyReLU,
  LogSoftmax,
  ReLU,
  Sigmoid,
  SiLU,
  Softmax,
  Softplus,
  Tanh,
} from './activations.js';
export { Dropout } from './dropout.js';
export { Flatten } from './flatten.js';
export * as init from './initialisers.js';
export { Linear, type LinearOptions } from './linear.js';
export { Module, Parameter, type OutputKind, type StateDict } from './module.js';
export { Sequential } from './sequential.js';

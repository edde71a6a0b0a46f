import { checkNumber } from '../core/checks.js';
import { formatShape, type Shape } from '../tensor/layout.js';
import { weigh } from '../tensor/operations/binary.js';
import { SELU_ALPHA, SELU_SCALE } from '../tensor/selu.js';
import { asTensor, call, checkBounds, checkSoftplus, type Tensor } from '../tensor/tensor.js';
import { checkSizes } from './checks.js';
import type { TensorLike } from '../tensor/numbers.js';
import { Module, Parameter } from './module.js';
import { rowWith } from './row.js';

/** max(x, 0). */
export class ReLU extends Module {
  override forward(x: Tensor | TensorLike): Tensor {
    return asTensor(x, 'ReLU').relu();
  }
}

/** x above 0, negativeSlope · x below. */
export class LeakyReLU extends Module {
  constructor(
    readonly negativeSlope = 0.01,
    ...surplus: never[]
  ) {
    super(...surplus);
    checkNumber('LeakyReLU', 'negativeSlope', negativeSlope);
  }

  override forward(x: Tensor | TensorLike): Tensor {
    return asTensor(x, 'LeakyReLU').leakyRelu(this.negativeSlope);
  }
}

/** x above 0, alpha · (eˣ − 1) below (Clevert et al., 2015). */
export class ELU extends Module {
  constructor(
    readonly alpha = 1,
    ...surplus: never[]
  ) {
    super(...surplus);
    checkNumber('ELU', 'alpha', alpha);
  }

  override forward(x: Tensor | TensorLike): Tensor {
    return asTensor(x, 'ELU').elu(this.alpha);
  }
}

/** 1 / (1 + e⁻ˣ). */
export class Sigmoid extends Module {
  override forward(x: Tensor | TensorLike): Tensor {
    return asTensor(x, 'Sigmoid').sigmoid();
  }
}

/** The hyperbolic tangent. */
export class Tanh extends Module {
  override forward(x: Tensor | TensorLike): Tensor {
    return asTensor(x, 'Tanh').tanh();
  }
}

/** x · Φ(x), with the exact normal distribution. */
export class GELU extends Module {
  override forward(x: Tensor | TensorLike): Tensor {
    return asTensor(x, 'GELU').gelu();
  }
}

/** x · sigmoid(x). */
export class SiLU extends Module {
  override forward(x: Tensor | TensorLike): Tensor {
    return asTensor(x, 'SiLU').silu();
  }
}

/**
 * log(1 + exp(beta · x)) / beta; x itself where beta · x is above the threshold.
 *
 * @throws RangeError where beta is not above 0
 */
export class Softplus extends Module {
  constructor(
    readonly beta = 1,
    readonly threshold = 20,
    ...surplus: never[]
  ) {
    super(...surplus);
    checkSoftplus('Softplus', beta, threshold);
  }

  override forward(x: Tensor | TensorLike): Tensor {
    return asTensor(x, 'Softplus').softplus(this.beta, this.threshold);
  }
}

/** x · tanh(softplus(x)) (Misra, 2019). */
export class Mish extends Module {
  override forward(x: Tensor | TensorLike): Tensor {
    return asTensor(x, 'Mish').mish();
  }
}

/**
 * x limited to [min, max]; the gradient passes where min < x < max.
 *
 * @throws RangeError where min is not below max
 */
export class Hardtanh extends Module {
  constructor(
    readonly min = -1,
    readonly max = 1,
    ...surplus: never[]
  ) {
    super(...surplus);
    checkBounds('Hardtanh', min, max);
  }

  override forward(x: Tensor | TensorLike): Tensor {
    return asTensor(x, 'Hardtanh').hardtanh(this.min, this.max);
  }
}

/**
 * scale · (x above 0, α · (eˣ − 1) below), with the scale and the α under which a deep network keeps mean 0 and variance 1
 * (Klambauer et al., 2017). {@link AlphaDropout} is the dropout that goes with it.
 */
export class SELU extends Module {
  override forward(x: Tensor | TensorLike): Tensor {
    return asTensor(x, 'SELU').elu(SELU_ALPHA).mul(SELU_SCALE);
  }
}

/**
 * x above 0, weight · x below, the weight learnt (He et al., 2015): one for all, or one for each of the features in
 * dimension 1 of x. weight [numParameters]
 *
 * @throws RangeError where the number of parameters is no positive integer, or not that of the features
 * @example
 * ```ts
 * import { nn, tensor } from 'wasmgrad';
 * new nn.PReLU().forward(tensor([[-4, 4]])).toArray(); // [[-1, 4]]
 * ```
 */
export class PReLU extends Module {
  /** [numParameters] */
  readonly weight: Parameter;

  constructor(
    readonly numParameters = 1,
    init = 0.25,
    ...surplus: never[]
  ) {
    super(...surplus);
    checkSizes('PReLU', { numParameters });
    checkNumber('PReLU', 'init', init);
    this.weight = new Parameter(new Float32Array(numParameters).fill(init));
  }

  override $row(after?: Shape): Shape | undefined {
    return this.numParameters > 1 ? rowWith([this.numParameters], after, 'first') : after;
  }

  override forward(x: Tensor | TensorLike): Tensor {
    const { numParameters } = this;
    const y = asTensor(x, 'PReLU');
    if (numParameters > 1 && y.shape[1] !== numParameters) {
      throw new RangeError(
        `PReLU(${numParameters}): expected x [batch, ${numParameters}, …], got ${formatShape(y.shape)}`,
      );
    }
    const along =
      y.shape.length > 2 ? this.weight.reshape(numParameters, ...y.shape.slice(2).map(() => 1)) : this.weight;
    // clamp() lets the gradient pass at 0, relu() does not: there it is the weight, as in PyTorch.
    // What a weight of 0 counts is 0, also at −∞.
    return y.relu().add(call(weigh, [y.clamp(-Infinity, 0), along], undefined));
  }
}

/** exp(xᵢ) / Σ exp(xⱼ) along `dim`. */
export class Softmax extends Module {
  constructor(
    readonly dim = -1,
    ...surplus: never[]
  ) {
    super(...surplus);
  }

  override forward(x: Tensor | TensorLike): Tensor {
    return asTensor(x, 'Softmax').softmax(this.dim);
  }
}

/** log(softmax) along `dim`. */
export class LogSoftmax extends Module {
  constructor(
    readonly dim = -1,
    ...surplus: never[]
  ) {
    super(...surplus);
  }

  override forward(x: Tensor | TensorLike): Tensor {
    return asTensor(x, 'LogSoftmax').logSoftmax(this.dim);
  }
}

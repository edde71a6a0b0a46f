import { formatShape, sameShape, type Shape } from '../tensor/layout.js';
import { asTensor, concat, type Tensor } from '../tensor/tensor.js';
import type { TensorLike } from '../tensor/numbers.js';
import { Module, outputFor } from './module.js';
import { withoutField } from './sequential.js';

/** What goes in comes out. */
export class Identity extends Module {
  override forward(x: Tensor | TensorLike): Tensor {
    return asTensor(x, 'Identity');
  }
}

/**
 * x + f(x), where f keeps the shape (He et al., 2016). The module inside is called `inner`.
 *
 * @throws TypeError where f is no module, RangeError where f(x) does not have the shape of x
 * @example
 * ```ts
 * import { nn, tensor } from 'wasmgrad';
 * const block = new nn.Residual(new nn.Sequential(new nn.Linear(3, 3), new nn.ReLU()));
 * block.forward(tensor([[1, 2, 3]])).shape; // [1, 3]
 * block.namedParameters().map(([name]) => name); // ["inner.0.weight", "inner.0.bias"]
 * ```
 */
export class Residual extends Module {
  constructor(
    readonly inner: Module,
    ...surplus: never[]
  ) {
    super(...surplus);
    if (!(inner instanceof Module)) throw new TypeError('Residual: expected a module');
  }

  override $row(after?: Shape): Shape | undefined {
    return this.inner.$row(after);
  }

  override forward(given: Tensor | TensorLike): Tensor {
    const x = asTensor(given, 'Residual');
    const y = outputFor(this.inner, x);
    if (!sameShape(x.shape, y.shape)) {
      throw new RangeError(
        `Residual: expected the module inside to keep the shape ${formatShape(x.shape)}, got ${formatShape(y.shape)}`,
      );
    }
    return x.add(y);
  }
}

/**
 * The outputs of several modules on the same input, joined along the last dimension. Their names are their positions:
 * `0`, `1`, ….
 *
 * @throws TypeError on anything that is no module, RangeError where the outputs differ in another dimension
 * @example
 * ```ts
 * import { nn, tensor } from 'wasmgrad';
 * new nn.Concat(new nn.Linear(3, 2), new nn.Identity()).forward(tensor([[1, 2, 3]])).shape; // [1, 5]
 * ```
 */
export class Concat extends Module {
  readonly branches: readonly Module[];

  constructor(...branches: Module[]) {
    super();
    branches.forEach((branch, i) => {
      if (!(branch instanceof Module)) throw new TypeError(`Concat: branch ${i} is not a module`);
    });
    if (branches.length === 0) throw new TypeError('Concat: expected at least one branch, got none');
    this.branches = branches;
  }

  override namedChildren(): [string, Module][] {
    return withoutField('branches', super.namedChildren());
  }

  override $row(): Shape | undefined {
    return this.branches.map((branch) => branch.$row()).find(Boolean);
  }

  override forward(given: Tensor | TensorLike): Tensor {
    const x = asTensor(given, 'Concat');
    return concat(
      this.branches.map((branch) => outputFor(branch, x)),
      -1,
    );
  }
}

import type { Shape } from '../tensor/layout.js';
import { asTensor, type Tensor } from '../tensor/tensor.js';
import type { TensorLike } from '../tensor/numbers.js';
import { Module, outputFor } from './module.js';

/**
 * Modules one after the other; their names are their positions: `0`, `1`, ….
 *
 * @throws TypeError on anything that is no module
 */
export class Sequential extends Module {
  readonly layers: readonly Module[];

  constructor(...layers: Module[]) {
    super();
    layers.forEach((layer, i) => {
      if (!(layer instanceof Module)) throw new TypeError(`Sequential: layer ${i} is not a module`);
    });
    this.layers = layers;
  }

  override namedChildren(): [string, Module][] {
    return withoutField('layers', super.namedChildren());
  }

  override $row(after?: Shape): Shape | undefined {
    return this.layers.reduceRight<Shape | undefined>((row, layer) => layer.$row(row), after);
  }

  override forward(x: Tensor | TensorLike): Tensor {
    let value = asTensor(x, 'Sequential');
    for (const layer of this.layers) value = outputFor(layer, value);
    return value;
  }
}

/** Named children, those of one field by their positions there alone. */
export function withoutField(field: string, children: [string, Module][]): [string, Module][] {
  const prefix = `${field}.`;
  return children.map(([name, child]) => [name.startsWith(prefix) ? name.slice(prefix.length) : name, child]);
}

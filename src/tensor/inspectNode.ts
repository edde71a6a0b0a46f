import { formatShape, sizeOf, type Shape } from './layout.js';

/** What is read of a tensor. */
interface Shown {
  readonly shape: Shape;
  readonly size: number;
  readonly data: Float32Array;
  readonly requiresGrad: boolean;
  readonly grad: Shown | null;
}

/** Of tensors with more numbers than that only the edges are shown. */
const MOST = 1000;
/** So many at each end of a dimension. */
const EDGE = 3;

/** Lets console.log() show shape and numbers: Node, Deno and Bun ask for the method of this name. */
export function inspectable(tensor: abstract new (...args: never[]) => Shown): void {
  Object.defineProperty(tensor.prototype, Symbol.for('nodejs.util.inspect.custom'), {
    configurable: true,
    writable: true,
    value(this: Shown) {
      const { constructor, shape, requiresGrad } = this;
      const head = `${constructor.name} ${formatShape(shape)}${requiresGrad ? ' requiresGrad' : ''}`;
      return head + part('', this) + part('gradient', () => this.grad);
    },
  });
}

/** Numbers, or why there are none. */
function part(name: string, of: Shown | (() => Shown | null)): string {
  let text: string;
  try {
    const tensor = typeof of === 'function' ? of() : of;
    if (!tensor) return '';
    text = numbers(tensor.data, tensor.shape, tensor.size > MOST, 1);
  } catch (error) {
    text = `(${(error as Error).message})`;
  }
  const gap = name !== '' || text.includes('\n') ? '\n' : ' ';
  return `${gap}${name}${name && (text.includes('\n') ? '\n' : ' ')}${text}`;
}

function numbers(values: Float32Array, shape: Shape, edges: boolean, indent: number): string {
  // As many digits as float32 has.
  if (shape.length === 0) return String(Number(values[0].toPrecision(7)));
  const [length, ...rest] = shape;
  const step = sizeOf(rest);
  const items: string[] = [];
  for (let i = 0; i < length; i++) {
    if (edges && length > 2 * EDGE && i === EDGE) {
      items.push('…');
      i = length - EDGE;
    }
    items.push(numbers(values.subarray(i * step, (i + 1) * step), rest, edges, indent + 1));
  }
  return `[${items.join(rest.length > 0 ? `,\n${' '.repeat(indent)}` : ', ')}]`;
}

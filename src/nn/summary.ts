import { flopsOf } from '../tensor/flops.js';
import { formatShape, sizeOf, type Shape } from '../tensor/layout.js';
import { withTape } from '../tensor/scope.js';
import { Tape } from '../tensor/tape.js';
import { tensor, type Tensor } from '../tensor/tensor.js';
import {
  Buffer,
  Module,
  namedModules,
  outputFor,
  Parameter,
  partsOf,
  rowShapes,
  toEvaluation,
} from './module.js';
import { firstThatFits } from './row.js';

/** One layer of a {@link Summary}: itself, without the layers inside it. */
export interface LayerSummary {
  /** Its path in the model, such as `0.inner`; empty for the model itself. */
  readonly name: string;
  /** Its class. */
  readonly type: string;
  readonly outputShape: Shape;
  /** Numbers that training moves, or would if they were not frozen; those of a layer used twice count once. */
  readonly parameters: number;
  /** Bytes of its parameters and buffers. */
  readonly bytes: number;
  /** Floating-point operations of its forward pass: a multiplication with an addition is two. */
  readonly flops: number;
}

/** What {@link summary} finds; `toString()` makes a table of it. */
export class Summary {
  constructor(
    readonly inputShape: Shape,
    /** In the order in which they finish. */
    readonly layers: readonly LayerSummary[],
    readonly parameters: number,
    /** Parameters that are not frozen. */
    readonly trainableParameters: number,
    readonly bytes: number,
    readonly flops: number,
  ) {}

  toString(): string {
    const count = (value: number): string => value.toLocaleString('en');
    const rows = [
      ['layer', 'type', 'output', 'parameters', 'bytes', 'FLOPs'],
      ['(input)', '', formatShape(this.inputShape), '', '', ''],
      ...this.layers.map(({ name, type, outputShape, parameters, bytes, flops }) => [
        name === '' ? '(model)' : name,
        type,
        formatShape(outputShape),
        count(parameters),
        count(bytes),
        count(flops),
      ]),
      ['total', '', '', count(this.parameters), count(this.bytes), count(this.flops)],
    ];
    const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
    const lines = rows.map((row) =>
      row
        .map((cell, i) => (i < 3 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
        .join('  ')
        .trimEnd(),
    );
    const rule = '-'.repeat(Math.max(...lines.map((line) => line.length)));
    return [lines[0], rule, ...lines.slice(1, -1), rule, lines.at(-1)].join('\n');
  }
}

/**
 * A table of the layers of a model: shapes, parameters, bytes and FLOPs, found by one forward pass over zeros in evaluation
 * mode. FLOPs are counted from the instructions that the pass records, so modules of your own are in it too.
 *
 * @param inputShape shape of a batch; by default one row of the width that the model takes
 * @throws RangeError where the width is not known or does not fit
 * @example
 * ```ts
 * import { nn } from 'wasmgrad';
 * const model = new nn.Sequential(new nn.Linear(784, 128), new nn.ReLU(), new nn.Linear(128, 10));
 * const { parameters, flops } = nn.summary(model);
 * parameters; // 101770
 * flops; // 203530
 * console.log(String(nn.summary(model, [32, 784])));
 * ```
 */
export function summary(model: Module, inputShape?: Shape): Summary {
  if (!(model instanceof Module)) throw new TypeError('summary: expected a model that extends nn.Module');
  const shapes = inputShape ? [inputShape] : rowShapes(model).map((row) => [1, ...row]);
  if (shapes.length === 0) {
    throw new RangeError(
      'summary: expected a shape of the input, such as [1, 28, 28], as the second argument',
    );
  }
  const resume = toEvaluation(model);
  try {
    return firstThatFits(shapes, (shape) => {
      const tape = new Tape(true, false);
      try {
        return new Trace(model, tape).run(tensor(new Float32Array(sizeOf(shape)), { shape }));
      } finally {
        tape.release();
      }
    });
  } finally {
    resume();
  }
}

/** One forward pass during which every module tells where its instructions begin and end. */
class Trace {
  private readonly paths: ReadonlyMap<Module, string>;
  private readonly seen = new Set<Tensor>();
  /** For each instruction, the number of the call that it belongs to. */
  private readonly callOf: number[] = [];
  private readonly open: number[] = [];
  private readonly finished: { call: number; module: Module; outputShape: Shape }[] = [];
  private calls = 0;

  constructor(
    private readonly model: Module,
    private readonly tape: Tape,
  ) {
    this.paths = namedModules(model);
  }

  run(input: Tensor): Summary {
    const restore = [...this.paths.keys()].map((module) => this.watch(module));
    try {
      withTape(this.tape, () => outputFor(this.model, input));
    } finally {
      for (const undo of restore) undo();
    }
    const flops = new Array<number>(this.calls).fill(0);
    this.tape.program.read().forEach((instruction, i) => {
      const call = this.callOf[i];
      if (call !== undefined) flops[call] += flopsOf(instruction);
    });
    const layers = this.finished
      .map(({ call, module, outputShape }) => this.layer(module, outputShape, flops[call]))
      .filter((layer): layer is LayerSummary => layer !== undefined);
    const parameters = this.model.parameters();
    const size = (tensors: readonly Tensor[]): number => tensors.reduce((sum, one) => sum + one.size, 0);
    const buffers = this.model.namedBuffers().map(([, buffer]) => buffer);
    return new Summary(
      input.shape,
      layers,
      size(parameters),
      size(parameters.filter((parameter) => parameter.requiresGrad)),
      4 * (size(parameters) + size(buffers)),
      flops.reduce((sum, value) => sum + value, 0),
    );
  }

  /** Stands before the module's own forward(), until the function that it returns is called. */
  private watch(module: Module): () => void {
    const own = Object.getOwnPropertyDescriptor(module, 'forward');
    const { forward: original } = module;
    const forward = (x: Tensor): Tensor => {
      this.settle();
      const call = this.calls++;
      this.open.push(call);
      const output = outputFor(module, x, { forward: original });
      this.settle();
      this.open.pop();
      this.finished.push({ call, module, outputShape: output.shape });
      return output;
    };
    Object.defineProperty(module, 'forward', { value: forward, configurable: true });
    return () => {
      if (own) Object.defineProperty(module, 'forward', own);
      else Reflect.deleteProperty(module, 'forward');
    };
  }

  /** Instructions since the last time belong to the innermost call that is open. */
  private settle(): void {
    while (this.callOf.length < this.tape.program.count) this.callOf.push(this.open.at(-1)!);
  }

  /** A row of the table; none for a module that only holds others. */
  private layer(module: Module, outputShape: Shape, flops: number): LayerSummary | undefined {
    const own = new Set(
      partsOf(module).flatMap(([, value, holder]) =>
        !holder && (value instanceof Parameter || value instanceof Buffer) ? [value] : [],
      ),
    );
    if (module.namedChildren().length > 0 && own.size === 0 && flops === 0) return undefined;
    let parameters = 0;
    let bytes = 0;
    for (const value of own) {
      if (this.seen.has(value)) continue;
      this.seen.add(value);
      bytes += value.size * 4;
      if (value instanceof Parameter) parameters += value.size;
    }
    return {
      name: this.paths.get(module)!,
      type: module.constructor.name,
      outputShape,
      parameters,
      bytes,
      flops,
    };
  }
}

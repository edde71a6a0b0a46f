import {
  FLAG_ACCUMULATE,
  FLAG_PROBABILITIES,
  FLAG_RELU,
  FLAG_RELU_GRADIENT,
  FLAG_UPDATE,
  FUNCTION_SHIFT,
  Opcode,
  Reduction,
  Unary,
  Update,
} from '../../assembly/opcodes.js';
import type { Instruction } from '../core/program.js';

/** Pointers besides the first that an instruction writes to; the others it reads. */
const ALSO_WRITTEN: Partial<Record<Opcode, readonly number[]>> = {
  [Opcode.CROSS_ENTROPY]: [3],
  [Opcode.DROPOUT]: [2],
  [Opcode.UPDATE]: [2, 4, 5],
  [Opcode.NORMALIZE]: [2],
  [Opcode.EMBEDDING_GRADIENT]: [3],
};
/** A captured program while rules work on it. */
export class Listing {
  /** Gradients of leaves, by pointer, that no instruction writes any more. */
  readonly applied = new Set<number>();

  /**
   * @param instructions may be changed
   * @param kept pointers to numbers that are read after the program has run
   */
  constructor(
    readonly instructions: Instruction[],
    private readonly kept: ReadonlySet<number>,
    /** Whether memory is the program's own: nobody else writes there between two runs. */
    readonly isOwn: (pointer: number) => boolean,
  ) {}

  /** Whether nobody but the instructions `among` has to do with the numbers at `pointer`. */
  isPrivate(pointer: number, size: number, ...among: readonly Instruction[]): boolean {
    const inside = (p: number): boolean => p >= pointer && p < pointer + size * 4;
    if ([...this.kept].some(inside)) return false;
    return this.instructions.every(
      (instruction) => among.includes(instruction) || !instruction.pointers.some(inside),
    );
  }

  /** The instructions that write to one of `size` numbers at `pointer`, in order. */
  writersOf(pointer: number, size = 1): Instruction[] {
    return this.instructions.filter(({ opcode, pointers }) =>
      [0, ...(ALSO_WRITTEN[opcode] ?? [])].some(
        (i) => pointers[i] >= pointer && pointers[i] < pointer + size * 4,
      ),
    );
  }

  /** Whether an instruction between two others touches the `size` numbers at `pointer`. */
  touchedBetween(first: Instruction, last: Instruction, pointer: number, size: number): boolean {
    return this.instructions
      .slice(this.instructions.indexOf(first) + 1, this.instructions.indexOf(last))
      .some(({ pointers }) => pointers.some((p) => p >= pointer && p < pointer + size * 4));
  }

  isBefore(first: Instruction, second: Instruction): boolean {
    return this.instructions.indexOf(first) < this.instructions.indexOf(second);
  }

  replace(old: Instruction, ...by: readonly Instruction[]): void {
    this.instructions.splice(this.instructions.indexOf(old), 1, ...by);
  }

  /** Every instruction of a kind that is still there when its turn comes. */
  *each(opcode: Opcode): Generator<Instruction> {
    for (const instruction of this.instructions.slice()) {
      if (instruction.opcode === opcode && this.instructions.includes(instruction)) yield instruction;
    }
  }
}

/** A rewriting of neighbouring instructions that leaves every bit that anybody sees as it was. */
export type Rule = (listing: Listing) => void;

const isRelu = ({ flags }: Instruction): boolean => flags >>> FUNCTION_SHIFT === Unary.RELU;
/** A matrix product that has no ending yet and overwrites. */
const isPlain = ({ flags }: Instruction): boolean =>
  (flags & (FLAG_ACCUMULATE | FLAG_RELU | FLAG_RELU_GRADIENT | FLAG_UPDATE)) === 0;

/** The flags of a step of SGD that descends. */
const PLAIN_SGD = Update.SGD << FUNCTION_SHIFT;

/** Pointers with some of them exchanged. */
function exchange(pointers: readonly number[], changes: Record<number, number>): number[] {
  return pointers.map((pointer, i) => changes[i] ?? pointer);
}

/** A number that a recording wrote and that no instruction changes stays as it is: the gradient 1 of the loss. */
function constantOnce(listing: Listing): void {
  for (const fill of listing.each(Opcode.FILL)) {
    const { flags, pointers, dims } = fill;
    if (!listing.isOwn(pointers[0])) continue;
    if ((flags & FLAG_ACCUMULATE) === 0 && listing.writersOf(pointers[0], dims[0]).length === 1) {
      listing.replace(fill);
    }
  }
}

/** y = max(0, A · B + bias) in one pass. What only y's sign decides, the derivative, reads y instead of the sum. */
function linearRelu(listing: Listing): void {
  for (const relu of listing.each(Opcode.UNARY)) {
    const [y, sum] = relu.pointers;
    const [product, ...others] = listing.writersOf(sum);
    if (!isRelu(relu) || others.length > 0 || product?.opcode !== Opcode.GEMM || !isPlain(product)) continue;
    const [m, n] = product.dims;
    const derivatives = [...listing.each(Opcode.UNARY_GRADIENT)].filter(
      (derivative) => isRelu(derivative) && derivative.pointers[2] === sum,
    );
    if (m * n !== relu.dims[0] || !listing.isPrivate(sum, m * n, product, relu, ...derivatives)) continue;
    for (const derivative of derivatives) {
      listing.replace(derivative, { ...derivative, pointers: exchange(derivative.pointers, { 2: y }) });
    }
    listing.replace(relu);
    listing.replace(product, {
      ...product,
      flags: product.flags | FLAG_RELU,
      pointers: exchange(product.pointers, { 0: y }),
    });
  }
}

/** dx = A · B where y > 0 in one pass: the gradient of a linear layer's input, through the ReLU before it. */
function reluGradient(listing: Listing): void {
  for (const derivative of listing.each(Opcode.UNARY_GRADIENT)) {
    const [dx, dy, x] = derivative.pointers;
    const [product, ...others] = listing.writersOf(dy);
    if (!isRelu(derivative) || (derivative.flags & FLAG_ACCUMULATE) !== 0 || others.length > 0) continue;
    if (product?.opcode !== Opcode.GEMM || !isPlain(product) || product.pointers[3] !== 0) continue;
    const [m, n] = product.dims;
    if (m * n !== derivative.dims[0] || !listing.isPrivate(dy, m * n, product, derivative)) continue;
    listing.replace(derivative);
    listing.replace(product, {
      ...product,
      flags: product.flags | FLAG_RELU_GRADIENT,
      pointers: exchange(product.pointers, { 0: dx, 4: x }),
    });
  }
}

/**
 * p −= lr · gradient where the gradient is computed, which is stored nowhere: for a matrix product (a weight) or a sum
 * (a bias) that one step of SGD without momentum reads, and nobody else.
 */
function updateInPlace(listing: Listing): void {
  for (const step of listing.each(Opcode.UPDATE)) {
    const [parameter, gradient, buffer, options] = step.pointers;
    const [size] = step.dims;
    const [source, ...others] = listing.writersOf(gradient);
    if (step.flags !== PLAIN_SGD) continue;
    if (buffer !== 0 || others.length > 0 || !source || (source.flags & FLAG_ACCUMULATE) !== 0) continue;
    if (source.pointers[4] !== 0) continue;
    const product = source.opcode === Opcode.GEMM && isPlain(source) && source.pointers[3] === 0;
    const sum = source.opcode === Opcode.REDUCE && source.flags >>> FUNCTION_SHIFT === Reduction.SUM;
    const written = source.opcode === Opcode.GEMM ? source.dims[0] * source.dims[1] : source.dims[0];
    if (!(product || sum) || written !== size || !listing.isPrivate(gradient, size, source, step)) continue;
    // The step is taken earlier than it was recorded: nobody may still want the parameter as it was.
    if (listing.touchedBetween(source, step, parameter, size)) continue;
    if (source.pointers.some((p) => p >= parameter && p < parameter + size * 4)) continue;
    listing.replace(step);
    listing.replace(source, {
      ...source,
      flags: source.flags | (product ? FLAG_UPDATE : 0),
      pointers: exchange(source.pointers, { 0: parameter, 4: options }),
    });
    listing.applied.add(gradient);
  }
}

/** The gradient of the logits while their probabilities are at hand, which are stored nowhere. */
function crossEntropyGradient(listing: Listing): void {
  for (const gradient of listing.each(Opcode.CROSS_ENTROPY_GRADIENT)) {
    const [dLogits, dy, probabilities, targets] = gradient.pointers;
    const [rows, classes, dyStride] = gradient.dims;
    const [loss, ...others] = listing.writersOf(probabilities);
    if ((gradient.flags & FLAG_ACCUMULATE) !== 0 || others.length > 0) continue;
    if (loss?.opcode !== Opcode.CROSS_ENTROPY || loss.pointers[4] !== 0) continue;
    if (((loss.flags ^ gradient.flags) & FLAG_PROBABILITIES) !== 0 || loss.pointers[2] !== targets) continue;
    if (!listing.isPrivate(probabilities, rows * classes, loss, gradient)) continue;
    // dy must be known before the loss is: a constant, or what somebody computed earlier.
    if (listing.writersOf(dy).some((writer) => !listing.isBefore(writer, loss))) continue;
    listing.replace(gradient);
    listing.replace(loss, {
      ...loss,
      pointers: exchange(loss.pointers, { 3: dLogits, 4: dy }),
      dims: [rows, classes, dyStride],
      scalars: gradient.scalars,
    });
  }
}

/** In the order in which they are tried. */
export const RULES: Readonly<Record<string, Rule>> = {
  constantOnce,
  linearRelu,
  reluGradient,
  crossEntropyGradient,
  updateInPlace,
};

/**
 * The same program in fewer instructions.
 *
 * @param kept pointers to numbers that are read after the program has run
 * @param without names of rules to leave out
 * @param isOwn whether memory is the program's own
 */
export function optimise(
  instructions: readonly Instruction[],
  kept: ReadonlySet<number>,
  without: ReadonlySet<string>,
  isOwn: (pointer: number) => boolean,
): Listing {
  const listing = new Listing([...instructions], kept, isOwn);
  for (const [name, rule] of Object.entries(RULES)) if (!without.has(name)) rule(listing);
  return listing;
}

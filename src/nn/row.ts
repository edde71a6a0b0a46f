import { sizeOf, type Shape } from '../tensor/layout.js';

/**
 * A row that begins (or ends) with these lengths and has as many numbers as what follows takes, where it is a multiple.
 *
 * @param after shape of the row that what follows takes; [−n] where any shape of n numbers will do
 */
export function rowWith(own: Shape, after: Shape | undefined, where: 'first' | 'last' = 'last'): Shape {
  const times = Math.abs(sizeOf(after ?? own)) / sizeOf(own);
  if (times === 1 || !Number.isInteger(times)) return own;
  return where === 'first' ? [...own, times] : [times, ...own];
}

/** What `work` gives for the first of the shapes that fits; where none does, what it throws for the first of all. */
export function firstThatFits<T>(shapes: readonly Shape[], work: (shape: Shape) => T): T {
  let failure: unknown;
  for (const shape of shapes) {
    try {
      return work(shape);
    } catch (error) {
      failure ??= error;
      if (!(error instanceof RangeError)) break;
    }
  }
  throw failure;
}

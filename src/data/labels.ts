import { TensorDataset } from './dataset.js';

/** A class for each row, or a data set whose targets are one number each. */
export type Labels = TensorDataset | ArrayLike<number>;

/** The class of each row. */
export function labelsOf(operation: string, labels: Labels): number[] {
  if (!(labels instanceof TensorDataset)) {
    const list = Array.from(labels);
    if (list.length === 0 || !list.every(Number.isFinite)) {
      throw new RangeError(`${operation}: expected a number for each row`);
    }
    return list;
  }
  const [, targets] = labels.columns;
  if (targets.table.width !== 1) {
    throw new RangeError(
      `${operation}: expected one number as the target of a row, got ${targets.table.width}; hand in the labels`,
    );
  }
  return [...labels.gather(labels.rows)[1].data];
}

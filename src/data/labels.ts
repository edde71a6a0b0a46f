import { shown } from '../core/shown.js';
import { TensorDataset } from './dataset.js';

/** A class for each row, or a data set whose targets are one number each. */
export type Labels = TensorDataset | ArrayLike<number>;

/** A number for each row; `what` they are, as in an error. */
export function listOf(operation: string, what: string, list: ArrayLike<number>): number[] {
  const length: unknown = typeof list === 'object' && list !== null ? list.length : undefined;
  if (!Number.isInteger(length)) {
    throw new TypeError(`${operation}: expected ${what} as an array of numbers, got ${shown(list)}`);
  }
  const numbers: number[] = [];
  for (let row = 0; row < list.length; row++) {
    const value: unknown = list[row];
    if (typeof value !== 'number') {
      throw new TypeError(
        `${operation}: expected ${what} that are numbers, got ${shown(value)} for row ${row}`,
      );
    }
    if (!Number.isFinite(value)) {
      throw new RangeError(`${operation}: expected finite ${what}, got ${value} for row ${row}`);
    }
    numbers.push(value);
  }
  if (numbers.length === 0) throw new RangeError(`${operation}: expected a number for each row, got none`);
  return numbers;
}

/** The class of each row. */
export function labelsOf(operation: string, labels: Labels): number[] {
  if (!(labels instanceof TensorDataset)) return listOf(operation, 'labels', labels);
  const [, targets] = labels.columns;
  if (targets.table.width !== 1) {
    throw new RangeError(
      `${operation}: expected one number as the target of a row, got ${targets.table.width}; hand in the labels`,
    );
  }
  return [...labels.gather(labels.rows)[1].data];
}

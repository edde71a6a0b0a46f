import { shown } from './shown.js';

const LARGEST = Number.MAX_VALUE;

/** Bounds of a number. Without any it must be finite; `{ most: Infinity }` takes Infinity, too. */
export interface Range {
  readonly least?: number;
  readonly above?: number;
  readonly most?: number;
  readonly below?: number;
  /** Whether it must be an integer. */
  readonly whole?: boolean;
}

/** Every number but NaN. */
export const ANY: Range = { least: -Infinity, most: Infinity };

/** Refuses what are no positive integers. */
export function checkCounts(operation: string, counts: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(counts)) {
    if (!Number.isInteger(value) || value < 1) refuse(operation, name, 'a positive integer', value);
  }
}

/** Refuses what is no number, and a number out of its bounds. */
export function checkNumber(operation: string, name: string, value: unknown, range: Range = {}): void {
  const { least = -LARGEST, most = LARGEST, above, below, whole } = range;
  const isIn =
    typeof value === 'number' && value >= least && value <= most && !(value <= above!) && !(value >= below!);
  if (isIn && (!whole || Number.isInteger(value))) return;
  const isOpen = above !== undefined;
  const isBelow = below !== undefined || most < LARGEST;
  let bounds = isOpen ? ` above ${above}` : least > -LARGEST ? ` ≥ ${least}` : '';
  if (isBelow) {
    bounds = ` in ${isOpen ? `(${above}` : `[${least}`}, ${below === undefined ? `${most}]` : `${below})`}`;
  }
  const kind = whole ? 'an integer' : isBelow || most > LARGEST ? 'a number' : 'a finite number';
  refuse(operation, name, kind + bounds, value);
}

/** Throws: a RangeError for a number where one is expected, else a TypeError. */
export function refuse(operation: string, name: string, expected: string, got: unknown): never {
  const Kind = typeof got === 'number' && /number|integer/.test(expected) ? RangeError : TypeError;
  throw new Kind(`${operation}: expected ${name} to be ${expected}, got ${shown(got)}`);
}

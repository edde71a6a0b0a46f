/**
 * `rows` ≤ `columns` orthonormal rows, uniform among all such: normal numbers through Gram and Schmidt, in float64. Doing
 * it twice is enough (Giraud et al., 2005).
 */
export function orthonormalRows(rows: number, columns: number, draw: () => number): Float64Array[] {
  const done: Float64Array[] = [];
  while (done.length < rows) {
    const row = Float64Array.from({ length: columns }, draw);
    for (let pass = 0; pass < 2; pass++) for (const other of done) subtractPart(row, other);
    const length = Math.sqrt(dot(row, row));
    // Next to nothing is left of a row that depended on the others: draw it again.
    if (length > 1e-6) done.push(row.map((value) => value / length));
  }
  return done;
}

function subtractPart(row: Float64Array, unit: Float64Array): void {
  const part = dot(row, unit);
  for (let i = 0; i < row.length; i++) row[i] -= part * unit[i];
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

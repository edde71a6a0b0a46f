/**
 * A table of text: the first column to the left, the others to the right.
 *
 * @param {string} title
 * @param {readonly string[]} columns
 * @param {readonly (readonly string[])[]} rows
 */
export function formatTable(title, columns, rows) {
  const widths = columns.map((column, i) => Math.max(column.length, ...rows.map((row) => row[i].length)));
  const line = (/** @type {readonly string[]} */ cells) =>
    cells
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '─'.repeat(width)).join('  ');
  return [title, line(columns), rule, ...rows.map(line)].join('\n');
}

/** @param {number | undefined} seconds */
export function formatSeconds(seconds) {
  if (seconds === undefined || !(seconds >= 0)) return '–';
  if (seconds < 1e-3) return `${(seconds * 1e6).toPrecision(3)} µs`;
  return seconds < 1 ? `${(seconds * 1e3).toPrecision(3)} ms` : `${seconds.toPrecision(3)} s`;
}

/**
 * @param {number | undefined} ratio
 * @param {number} [digits] behind the point
 */
export function formatRatio(ratio, digits = 2) {
  if (ratio === undefined || !Number.isFinite(ratio)) return '–';
  return ratio.toFixed(ratio >= 100 ? 0 : digits);
}

/** @param {number} bytes */
export const formatBytes = (bytes) => `${(bytes / 1024).toFixed(bytes < 102400 ? 1 : 0)} KiB`;

/** @param {number} spread */
export const formatSpread = (spread) => `±${(spread * 100).toFixed(0)} %`;

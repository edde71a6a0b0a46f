/** A value as an error shows it, however long it is. */
export function show(value: unknown): string {
  if (typeof value === 'string') return `'${clip(value)}'`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return Object(value) === value ? 'an object' : String(value);
}

/** A name as an error shows it: those in files may be of any length and hold anything. */
export function clip(text: string): string {
  const short = text.length > 80 ? `${text.slice(0, 77)}…` : text;
  // oxlint-disable-next-line no-control-regex
  return short.replaceAll(/[\u0000-\u001f\u007f]/g, '?');
}

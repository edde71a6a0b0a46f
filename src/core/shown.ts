/** A value as an error shows it: a primitive as it is written, of everything else the kind. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return `string ${JSON.stringify(value.slice(0, 80))}`;
  if (Object(value) !== value) return String(value) + (typeof value === 'bigint' ? 'n' : '');
  let name: unknown;
  try {
    ({ name } = (value as object).constructor);
  } catch {
    // It has no class, or what is asked for it throws.
  }
  const kind = typeof name === 'string' && name ? name : 'Object';
  return `${/^[AEIOU]/.test(kind) ? 'an' : 'a'} ${kind}`;
}

/** A value as an error shows it: a primitive as it is written, of everything else the kind. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return `string ${JSON.stringify(value.slice(0, 80))}`;
  if (Object(value) !== value) return String(value) + (typeof value === 'bigint' ? 'n' : '');
  const { name = 'Object' } = (value as object).constructor ?? {};
  return `${/^[AEIOU]/.test(name) ? 'an' : 'a'} ${name}`;
}

/**
 * Keeps a promise that fails from ending the program, if an error elsewhere comes before it is awaited, or it is not what is
 * wanted. Whoever awaits it is still told.
 */
export function handled(source: unknown): void {
  if (source instanceof Promise) source.catch(() => undefined);
}

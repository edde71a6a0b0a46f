declare module 'readme:programs' {
  /** By file and line. */
  export const README: Record<string, (wasmgrad: typeof import('wasmgrad')) => Promise<void>>;
}

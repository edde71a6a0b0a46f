/** The part of Benchmark.js that measure.mjs uses; it brings no types. */
declare module 'benchmark' {
  export default class Benchmark {
    static readonly support: { decompilation: boolean };
    constructor(name: string, fn: (deferred: { resolve(): void }) => void, options: object);
    readonly error?: Error;
    /** Seconds of one call, for each sample. */
    readonly stats: { readonly sample: number[] };
    run(options: { async: boolean }): this;
  }
}

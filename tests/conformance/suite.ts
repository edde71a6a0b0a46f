import { errors } from './errors.js';
import { hashOf } from './hash.js';
import { forgotten } from './forgotten.js';
import { losses } from './losses.js';
import { modules } from './modules.js';
import { operations } from './operations.js';
import { optimizers } from './optimizers.js';
import { programs } from './programs.js';
import { random } from './random.js';
import { runtime } from './runtime.js';
import { saving } from './saving.js';
import { DIGITS_CASE, training } from './training.js';

// What wasmgrad promises in every runtime, as one module without a test framework: tests/runtimes runs it in each. It
// imports nothing: whoever runs it hands in the package as that runtime loaded it.

/** The package. */
export type Wasmgrad = typeof import('wasmgrad');

/** Its other entries. */
export interface Entries {
  readonly io: typeof import('wasmgrad/io');
  readonly infer: typeof import('wasmgrad/infer');
  readonly worker: typeof import('wasmgrad/worker');
}

/** The package, and what the runtime that loaded it is known to lack. */
export interface Loaded extends Entries {
  readonly wasmgrad: Wasmgrad;
  /** Present, and false, where nobody can start a worker. */
  readonly workers?: boolean;
}

/** Numbers of a result, or bytes of a file, which are the same bits everywhere in the strict build. */
export type Numbers = Float32Array | Float64Array | Uint8Array;

/** Throws where a promise is broken. */
export type Case = (
  wasmgrad: Wasmgrad,
  entries: Omit<Loaded, 'wasmgrad'>,
) => void | Numbers[] | Promise<void | Numbers[]>;

export interface SuiteOptions {
  readonly build: 'strict' | 'auto';
  readonly threads: number;
}

export type Outcome =
  | { readonly ok: true; /** Of the numbers that the case gave. */ readonly hash?: string }
  | { readonly ok: false; readonly message: string };

export interface Report {
  readonly cases: Record<string, Outcome>;
  /** Of the weights after 50 steps on digits. */
  readonly hash: string | undefined;
  /** These weights, little-endian and in base64, for who wants to know how far away they are. */
  readonly weights: string;
  readonly runtimeInfo: import('wasmgrad').RuntimeInfo;
}

export const CASES: Record<string, Case> = {
  ...runtime,
  ...programs,
  ...random,
  ...operations,
  ...modules,
  ...losses,
  ...optimizers,
  ...training,
  ...saving,
  ...errors,
  ...forgotten,
};

/**
 * Runs every case, one after the other.
 *
 * @param loaded.wasmgrad fresh: no tensor was made with it before
 */
export async function runSuite(
  { wasmgrad, ...entries }: Loaded,
  { build, threads }: SuiteOptions,
): Promise<Report> {
  if (threads === 1) wasmgrad.configure({ build });
  else await wasmgrad.configure({ build, threads });
  const cases: Record<string, Outcome> = {};
  let weights = '';
  for (const [name, run] of Object.entries(CASES)) {
    try {
      const numbers = await run(wasmgrad, entries);
      cases[name] = { ok: true, ...(numbers && { hash: await hashOf(numbers) }) };
      if (name === DIGITS_CASE && numbers) weights = base64(numbers);
    } catch (error) {
      cases[name] = {
        ok: false,
        message: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
      };
    }
  }
  const digits = cases[DIGITS_CASE];
  const hash = digits.ok ? digits.hash : undefined;
  return { cases, hash, weights, runtimeInfo: wasmgrad.runtimeInfo() };
}

function base64(numbers: readonly Numbers[]): string {
  let text = '';
  for (const part of numbers) {
    for (const byte of new Uint8Array(part.buffer, part.byteOffset, part.byteLength))
      text += String.fromCharCode(byte);
  }
  return btoa(text);
}

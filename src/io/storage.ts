import * as files from '#files';
import { joinBytes } from '../core/joinBytes.js';
import type { FilesModule } from './files.js';
import { bytesOf } from './bytes.js';

const { readFile, writeFile }: FilesModule = files;

/** A place for bytes: {@link indexedDb}, {@link opfs}, or one of your own. */
export interface ByteStore {
  /** @throws where nothing is there */
  read(): Promise<Uint8Array>;
  /** Replaces what is there, as a whole or not at all. */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
}

/** A stream of Node.js, as far as it matters here. */
export interface NodeWritable {
  end(bytes: Uint8Array, done: (error?: Error | null) => void): unknown;
  once(event: 'error', listener: (error: Error) => void): unknown;
  /** Whether it was given up, as streams of Node say. */
  readonly destroyed?: boolean;
}

/** Where bytes come from. A string is a path of the file system (Node, Deno, Bun). */
export type ByteSource =
  | string
  | URL
  | ArrayBuffer
  | ArrayBufferView
  | Blob
  | Response
  | Promise<Response>
  | FileSystemFileHandle
  | ByteStore
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>;

/** Where bytes go. A string is a path of the file system (Node, Deno, Bun). */
export type ByteTarget =
  string | URL | FileSystemFileHandle | ByteStore | WritableStream<Uint8Array> | NodeWritable;

/** Whether a value has methods of these names. */
function has<Name extends string>(
  value: unknown,
  ...names: Name[]
): value is Record<Name, (...args: never[]) => unknown> {
  const methods = value as Partial<Record<Name, unknown>> | null;
  return typeof value === 'object' && names.every((name) => typeof methods?.[name] === 'function');
}

/** Says in which call a host failed. */
export async function inWords<T>(operation: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    const { message, code } = cause as NodeJS.ErrnoException;
    throw Object.assign(new Error(`${operation}: ${message}`, { cause }), code && { code });
  }
}

/** Refuses a stream that somebody else reads or writes. */
function checkUnlocked(operation: string, stream: unknown): void {
  if ((stream as ReadableStream).locked) {
    throw new TypeError(`${operation}: the stream is locked: another reader or writer has it`);
  }
}

/**
 * Keeps a promise that fails from ending the program, if an error elsewhere comes before it is awaited. Whoever awaits it is
 * still told.
 */
export function handled(source: unknown): void {
  if (source instanceof Promise) source.catch(() => undefined);
}

/** All bytes of a source. */
export async function readBytes(operation: string, given: ByteSource): Promise<Uint8Array> {
  const source = await (given as Promise<Exclude<ByteSource, Promise<Response>>>);
  if (typeof source === 'string') return inWords(operation, () => readFile(source));
  if (source instanceof URL) {
    const file = source.protocol === 'file:';
    if (file) return inWords(operation, () => readFile(source));
    return readBytes(operation, await inWords(operation, () => fetch(source)));
  }
  if (has(source, 'arrayBuffer')) {
    const response = source as Response;
    if (response.ok === false) {
      throw new Error(`${operation}: ${response.url} answered ${response.status} ${response.statusText}`);
    }
    return bytesOf(operation, await response.arrayBuffer());
  }
  if (has(source, 'getFile')) return readBytes(operation, (await source.getFile()) as Blob);
  if (has(source, 'getReader')) {
    checkUnlocked(operation, source);
    return joined(operation, piecesOf(source as ReadableStream<Uint8Array>));
  }
  if (typeof source === 'object' && source !== null && Symbol.asyncIterator in source) {
    return joined(operation, source);
  }
  if (has(source, 'read', 'write')) return bytesOf(operation, await (source as ByteStore).read());
  return bytesOf(operation, source as ArrayBuffer);
}

/** What a stream of the web gives. Not every host can iterate over one. */
async function* piecesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.releaseLock();
  }
}

async function joined(operation: string, pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  // A copy: whoever gives a piece may use its memory again.
  for await (const piece of pieces) chunks.push(bytesOf(operation, piece).slice());
  return joinBytes(chunks);
}

/** Writes all bytes to a target, and ends it if it is a stream. */
export async function writeBytes(
  operation: string,
  target: ByteTarget,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<void> {
  if (typeof target === 'string' || target instanceof URL) {
    await inWords(operation, () => writeFile(target, bytes));
  } else if (has(target, 'createWritable')) {
    const stream = await (target as FileSystemFileHandle).createWritable();
    try {
      // What was written takes the place of the file when it is closed.
      await stream.write(bytes);
      await stream.close();
    } catch (error) {
      // The copy is given up, and the file is free for others.
      await stream.abort?.().catch(() => undefined);
      throw error;
    }
  } else if (has(target, 'getWriter')) {
    checkUnlocked(operation, target);
    const writer = (target as WritableStream<Uint8Array>).getWriter();
    try {
      const written = writer.write(bytes).then(() => writer.close());
      // A sink that is in the middle of a write may never end it; that the stream has failed is told at once by these.
      await Promise.all([written, writer.ready, writer.closed]);
    } finally {
      writer.releaseLock();
    }
  } else if (has(target, 'end', 'once')) await endStream(operation, target as NodeWritable, bytes);
  else if (has(target, 'read', 'write')) await (target as ByteStore).write(bytes);
  else
    throw new TypeError(`${operation}: expected a path, a stream, opfs(path) or indexedDb(key) to write to`);
}

/** Writes the last bytes of a stream of Node. */
function endStream(operation: string, stream: NodeWritable, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const closed = (): void =>
      reject(new Error(`${operation}: the stream was closed before all was written`));
    if (stream.destroyed) return closed();
    stream.once('error', reject);
    // One that is destroyed without an error tells nothing else.
    (stream as unknown as { once(event: 'close', listener: () => void): unknown }).once('close', closed);
    stream.end(bytes, (error) => (error ? reject(error) : resolve()));
  });
}

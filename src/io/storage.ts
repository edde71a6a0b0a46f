import * as files from '#files';
import { joinBytes } from '../core/joinBytes.js';
import type { FilesModule } from './files.js';
import { shown } from '../core/shown.js';
import { bytesOf } from './bytes.js';
import { handled } from './handled.js';
import { clip } from './shown.js';

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

/**
 * Says in which call a host failed.
 *
 * @param address what it was about, where the host does not say it
 */
export async function inWords<T>(operation: string, run: () => Promise<T>, address = ''): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    const { message = shown(cause), code, name } = Object(cause) as Partial<NodeJS.ErrnoException>;
    // What the caller aborts is known by its name.
    if (name === 'AbortError') throw cause;
    const where = address && ` (${clip(address)})`;
    throw Object.assign(new Error(`${operation}: ${message}${where}`, { cause }), code && { code });
  }
}

/** Refuses a stream that somebody else reads or writes. */
function checkUnlocked(operation: string, stream: unknown): void {
  if ((stream as ReadableStream).locked) {
    throw new TypeError(`${operation}: the stream is locked: another reader or writer has it`);
  }
}

/** All bytes of a source. */
export async function readBytes(operation: string, given: ByteSource): Promise<Uint8Array> {
  const source = await (given as Promise<Exclude<ByteSource, Promise<Response>>>);
  if (typeof source === 'string') return inWords(operation, () => readFile(source));
  if (source instanceof URL) {
    const file = source.protocol === 'file:';
    if (file) return inWords(operation, () => readFile(source));
    return readBytes(operation, await inWords(operation, () => fetch(source), source.href));
  }
  if (has(source, 'arrayBuffer')) {
    const response = source as Response;
    if (response.ok === false) {
      throw new Error(`${operation}: ${response.url} answered ${response.status} ${response.statusText}`);
    }
    return bytesOf(operation, await inWords(operation, () => response.arrayBuffer(), response.url));
  }
  if (has(source, 'getFile')) {
    const file: unknown = await source.getFile();
    if (has(file, 'arrayBuffer')) return readBytes(operation, file as unknown as Blob);
    throw new TypeError(`${operation}: expected getFile() of the handle to give a File, got ${shown(file)}`);
  }
  if (has(source, 'getReader')) {
    checkUnlocked(operation, source);
    return joined(operation, piecesOf(operation, source as ReadableStream<Uint8Array>));
  }
  if (typeof source === 'object' && source !== null && Symbol.asyncIterator in source) {
    return joined(operation, source);
  }
  if (has(source, 'read', 'write')) return bytesOf(operation, await (source as ByteStore).read());
  return bytesOf(operation, source as ArrayBuffer);
}

/** What a stream of the web gives. Not every host can iterate over one. */
async function* piecesOf(operation: string, stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await inWords(operation, () => reader.read());
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
    const stream: unknown = await target.createWritable();
    if (!has(stream, 'write')) {
      throw new TypeError(
        `${operation}: expected createWritable() of the handle to give a stream, got ${shown(stream)}`,
      );
    }
    const { write, close, abort } = stream as unknown as FileSystemWritableFileStream;
    try {
      // What was written takes the place of the file when it is closed.
      await write.call(stream, bytes);
      await close.call(stream);
    } catch (error) {
      // The copy is given up, and the file is free for others. What it failed of comes first.
      try {
        await (abort as typeof abort | undefined)?.call(stream);
      } catch {}
      throw error;
    }
  } else if (has(target, 'getWriter')) {
    checkUnlocked(operation, target);
    await endWebStream(operation, target as WritableStream<Uint8Array>, bytes);
  } else if (has(target, 'end', 'once')) await endStream(operation, target as NodeWritable, bytes);
  else if (has(target, 'read', 'write')) await (target as ByteStore).write(bytes);
  else {
    handled(target);
    throw new TypeError(
      `${operation}: expected a path, a stream, opfs(path) or indexedDb(key) to write to, got ${shown(target)}`,
    );
  }
}

function closedError(operation: string, cause?: unknown): Error {
  return new Error(`${operation}: the stream was closed before all was written`, { cause });
}

/** Writes the last bytes of a stream of the web. */
async function endWebStream(
  operation: string,
  stream: WritableStream<Uint8Array>,
  bytes: Uint8Array,
): Promise<void> {
  const writer = stream.getWriter();
  try {
    const written = writer.write(bytes).then(() => writer.close());
    // A sink that is in the middle of a write may never end it; that the stream has failed is told at once by these.
    await Promise.all([written, writer.ready, writer.closed]);
  } catch (error) {
    // Of one that was closed, and has not failed, hosts speak in words of their own.
    const failed = await new Promise<boolean>((resolve) => {
      for (const one of [writer.ready, writer.closed]) one.catch(() => resolve(true));
      setTimeout(resolve, 0, false);
    });
    throw failed && error !== undefined ? error : closedError(operation, error);
  } finally {
    writer.releaseLock();
  }
}

/** Writes the last bytes of a stream of Node. */
function endStream(operation: string, stream: NodeWritable, bytes: Uint8Array): Promise<void> {
  const node = stream as unknown as {
    once(event: 'close', listener: () => void): unknown;
    destroy?: (error?: Error) => unknown;
  };
  const { destroy } = node;
  const own = Object.hasOwn(node, 'destroy');
  const work = new Promise<void>((resolve, reject) => {
    const closed = (): void => reject(closedError(operation));
    if (stream.destroyed) return closed();
    stream.once('error', reject);
    // One that is destroyed without an error tells nothing else,
    node.once('close', closed);
    // and one that emits no 'close' nothing at all.
    if (typeof destroy === 'function') {
      node.destroy = (error) => {
        const result = destroy.call(stream, error);
        if (error) reject(error);
        else closed();
        return result;
      };
    }
    stream.end(bytes, (error) => (error ? reject(error) : resolve()));
  });
  return work.finally(() => {
    if (own) node.destroy = destroy;
    else delete node.destroy;
  });
}

import * as files from '#files';
import type { FilesModule } from './files.js';
import { bytesOf } from './safetensors.js';

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

/** All bytes of a source. */
export async function readBytes(operation: string, given: ByteSource): Promise<Uint8Array> {
  const source = await (given as Promise<Exclude<ByteSource, Promise<Response>>>);
  if (typeof source === 'string') return readFile(source);
  if (source instanceof URL)
    return source.protocol === 'file:' ? readFile(source) : readBytes(operation, fetch(source));
  if (has(source, 'arrayBuffer')) {
    const response = source as Response;
    if (response.ok === false) {
      throw new Error(`${operation}: ${response.url} answered ${response.status} ${response.statusText}`);
    }
    return new Uint8Array(await response.arrayBuffer());
  }
  if (has(source, 'getFile')) return readBytes(operation, (await source.getFile()) as Blob);
  if (has(source, 'getReader'))
    return new Uint8Array(await new Response(source as ReadableStream).arrayBuffer());
  if (typeof source === 'object' && source !== null && Symbol.asyncIterator in source) {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    for await (const chunk of source) chunks.push(bytesOf(operation, chunk).slice());
    return new Uint8Array(await new Blob(chunks).arrayBuffer());
  }
  if (has(source, 'read', 'write')) return bytesOf(operation, await (source as ByteStore).read());
  return bytesOf(operation, source as ArrayBuffer);
}

/** Writes all bytes to a target, and ends it where it is a stream. */
export async function writeBytes(
  operation: string,
  target: ByteTarget,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<void> {
  if (typeof target === 'string' || target instanceof URL) await writeFile(target, bytes);
  else if (has(target, 'createWritable')) {
    const stream = await (target as FileSystemFileHandle).createWritable();
    // What was written takes the place of the file when it is closed.
    await stream.write(bytes);
    await stream.close();
  } else if (has(target, 'getWriter')) {
    const writer = (target as WritableStream<Uint8Array>).getWriter();
    await writer.write(bytes);
    await writer.close();
  } else if (has(target, 'end', 'once')) {
    const stream = target as NodeWritable;
    await new Promise<void>((resolve, reject) => {
      stream.once('error', reject);
      stream.end(bytes, (error) => (error ? reject(error) : resolve()));
    });
  } else if (has(target, 'read', 'write')) await (target as ByteStore).write(bytes);
  else
    throw new TypeError(`${operation}: expected a path, a stream, opfs(path) or indexedDb(key) to write to`);
}

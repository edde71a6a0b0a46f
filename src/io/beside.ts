import * as files from '#files';
import type { FilesModule } from './files.js';
import { addressesIn, isInside } from './folder.js';
import { clip } from './shown.js';
import { inWords, readBytes, type ByteSource } from './storage.js';

const { addressOf, realAddress }: FilesModule = files;

/** A file that may name others. */
export interface Placed {
  readonly bytes: Uint8Array;
  /** Where others are looked for; undefined if the source does not tell. */
  readonly folder?: URL;
  /** The address of a file that this one names. */
  readonly resolve?: (name: string) => URL;
}

export async function readPlaced(operation: string, source: ByteSource): Promise<Placed> {
  if (typeof source === 'string') {
    const bytes = await readBytes(operation, source);
    // What is a path stays one: `%20` is no blank in it.
    return { bytes, folder: new URL('.', addressOf(source)), resolve: (name) => addressOf(source, name) };
  }
  if (!(source instanceof URL)) return { bytes: await readBytes(operation, source) };
  if (source.protocol === 'file:')
    return { bytes: await readBytes(operation, source), folder: new URL('.', source) };
  const response = await fetched(operation, source);
  const bytes = await readBytes(operation, response);
  // If it was redirected, the others are beside where it led to.
  const address = response.url || source.href;
  return { bytes, folder: /^https?:/.test(address) ? new URL('.', address) : undefined };
}

/**
 * The files that a file names, each in its folder or below: by their addresses, and on a disk by what links lead to.
 *
 * @throws RangeError if one is somewhere else; then none was opened
 */
export async function readBeside(
  operation: string,
  { folder, resolve }: Placed,
  names: readonly string[],
): Promise<Uint8Array[]> {
  if (!folder) {
    throw new TypeError(
      `${operation}: expected { weights: [${clip(names.join(', '))}] }, since only a path or a URL tells where they are`,
    );
  }
  const addresses = addressesIn(operation, names, folder, resolve);
  if (folder.protocol !== 'file:') {
    const responses = addresses.map(async (address) =>
      readBytes(operation, await fetched(operation, address, 'error')),
    );
    return Promise.all(responses);
  }
  const real = await inWords(operation, () => Promise.all([folder, ...addresses].map(realAddress)));
  const realFolder = new URL(`${real[0].href.replace(/\/$/, '')}/`);
  real.forEach((address, i) => {
    if (i === 0 || isInside(address, realFolder)) return;
    throw new RangeError(
      `${operation}: expected a file in the folder of the model, but '${clip(names[i - 1])}' is a link that leads out of it; ` +
        'pass { weights: [path, …] } if that is meant',
    );
  });
  return Promise.all(real.slice(1).map((address) => readBytes(operation, address)));
}

/** Fetches without following redirections, which could lead anywhere, if `redirect` is 'error'. */
async function fetched(operation: string, address: URL, redirect?: 'error'): Promise<Response> {
  try {
    return await fetch(address, { redirect });
  } catch (cause) {
    const hint = redirect ? ', or is redirected; pass { weights: [fetch(url), …] } if that is meant' : '';
    throw new Error(`${operation}: ${clip(address.href)} cannot be fetched${hint}`, { cause });
  }
}

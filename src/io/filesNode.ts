import type { Stats } from 'node:fs';
import * as fs from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, resolve, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { removeLeftovers, temporaryName } from './leftovers.js';

const pathOf = (path: string | URL): string => (typeof path === 'string' ? path : fileURLToPath(path));

const codeOf = (error: unknown): unknown => (error as NodeJS.ErrnoException).code;

export async function readFile(path: string | URL): Promise<Uint8Array> {
  return fs.readFile(path);
}

export function addressOf(path: string, name?: string): URL {
  return pathToFileURL(name === undefined ? path : resolve(dirname(path), name));
}

export async function realAddress(address: URL): Promise<URL> {
  return pathToFileURL(await fs.realpath(address));
}

export async function writeFile(path: string | URL, bytes: Uint8Array): Promise<void> {
  const given = pathOf(path);
  if (given === '') throw new Error('expected the path of a file, got an empty text');
  const old = await existing(given);
  if (old?.isDirectory()) throw new Error(`'${given}' is a folder; give the path of a file`);
  if (old?.isSocket()) throw new Error(`'${given}' is a socket; connect to it and pass the stream`);
  if (old && !old.isFile()) return writeInto(given, bytes);
  const target = old ? await fs.realpath(given) : await followed(given);
  return replace(target, bytes, old);
}

/** What a path leads to, if anything. */
async function existing(path: string): Promise<Stats | undefined> {
  try {
    return await fs.stat(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Where a path leads to, at which nothing is: the end of links that dangle. */
async function followed(path: string): Promise<string> {
  let now = path;
  // stat() has refused circles.
  for (;;) {
    const folder = await fs.realpath(dirname(now));
    const here = join(folder, basename(now));
    let link: string;
    try {
      link = await fs.readlink(here);
    } catch (error) {
      // EINVAL: no link, but a file that was made just now.
      if (['ENOENT', 'EINVAL', 'UNKNOWN'].includes(String(codeOf(error)))) return here;
      throw error;
    }
    // As it stands: join() would take `link/..` for nothing, and it is something.
    now = isAbsolute(link) ? link : folder + sep + link;
  }
}

/** Writes to what is no file: a device, a pipe. Nothing is made or cut off. */
async function writeInto(path: string, bytes: Uint8Array): Promise<void> {
  const file = await fs.open(path, fs.constants.O_WRONLY);
  try {
    await file.writeFile(bytes);
  } finally {
    await file.close();
  }
}

/**
 * Writes a file beside it, makes sure that it is on the disk, and renames it: rename() replaces a file in one step
 * (POSIX). Then the folder, which holds the name, has to be on the disk, too.
 */
async function replace(target: string, bytes: Uint8Array, old: Stats | undefined): Promise<void> {
  const folder = dirname(target);
  await removeLeftovers(folder, basename(target));
  const temporary = join(folder, await temporaryName(basename(target)));
  // Until it has its owner, it is for nobody else.
  const file = await fs.open(temporary, 'wx', old ? 0o600 : undefined);
  try {
    let alike = false;
    try {
      alike = !old || (await makeAlike(file, old));
      if (alike) {
        await file.writeFile(bytes);
        await file.sync();
      }
    } finally {
      await file.close();
    }
    if (alike) await fs.rename(temporary, target);
    else await overwrite(target, bytes);
  } finally {
    await fs.rm(temporary, { force: true });
  }
  await syncFolder(folder);
}

/** Gives a new file the owner and the mode of the old one; returns whether the host lets it. */
async function makeAlike(file: fs.FileHandle, { uid, gid, mode }: Stats): Promise<boolean> {
  try {
    const made = await file.stat();
    if (made.uid !== uid || made.gid !== gid) await file.chown(uid, gid);
    // After the owner, whose change takes bits away.
    if ((await file.stat()).mode !== mode) await file.chmod(mode & 0o7777);
    return true;
  } catch {
    return false;
  }
}

/** A file that another user owns stays theirs only if its contents are written over. */
async function overwrite(path: string, bytes: Uint8Array): Promise<void> {
  const file = await fs.open(path, 'r+');
  try {
    await file.writeFile(bytes);
    await file.truncate(bytes.length);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  let handle;
  try {
    handle = await fs.open(folder, 'r');
    await handle.sync();
  } catch {
    // Windows opens no folders, some file systems do not sync them; the file itself is written.
  } finally {
    await handle?.close();
  }
}

import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const pathOf = (path: string | URL): string => (typeof path === 'string' ? path : fileURLToPath(path));

export async function readFile(path: string | URL): Promise<Uint8Array> {
  return fs.readFile(path);
}

/**
 * Writes a file beside it, makes sure that it is on the disk, and renames it: rename() replaces a file in one step
 * (POSIX). Then the folder, which holds the name, has to be on the disk, too.
 */
export async function writeFile(path: string | URL, bytes: Uint8Array): Promise<void> {
  const given = pathOf(path);
  // A link stays a link.
  const target = await fs.realpath(given).catch(() => given);
  const folder = dirname(target);
  const prefix = `.${basename(target)}.`;
  await removeAbandoned(folder, prefix);
  const temporary = join(folder, `${prefix}${process.pid}.${randomBytes(6).toString('hex')}.tmp`);
  const mode = (await fs.stat(target).catch(() => undefined))?.mode;
  const file = await fs.open(temporary, 'wx', mode);
  try {
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await fs.rename(temporary, target);
  } catch (error) {
    await fs.rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(folder);
}

/** Removes what processes left behind that were killed while they wrote. */
async function removeAbandoned(folder: string, prefix: string): Promise<void> {
  for (const name of await fs.readdir(folder).catch(() => [])) {
    const [, pid] =
      (name.startsWith(prefix) && /^(\d+)\.[0-9a-f]{12}\.tmp$/.exec(name.slice(prefix.length))) || [];
    if (pid && !isRunning(Number(pid))) await fs.rm(join(folder, name), { force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process may not be signalled, but it is there.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
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

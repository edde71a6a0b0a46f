import { createHash, randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

// Files in the making are called `.name.machine-process-begin.random.tmp`. `machine` tells apart where numbers of processes
// mean something: a container, or another computer on the same disk, counts its own. `begin` tells apart processes that had
// the same number one after the other.

/** A file of another machine that nobody has written to for so long is given up. */
const ABANDONED_AFTER_MS = 24 * 60 * 60 * 1000;

/** Names of files have at most 255 bytes, and the target's may have as many: longer ones are shortened. */
const MOST_OF_NAME = 48;

const textOf = (path: string): Promise<string> => fs.readFile(path, 'utf8').catch(() => '');

let here: Promise<string> | undefined;

/** This boot of this computer, and in it this container. */
function machine(): Promise<string> {
  here ??= (async () => {
    const boot = await textOf('/proc/sys/kernel/random/boot_id');
    const processes = await fs.readlink('/proc/self/ns/pid').catch(() => '');
    return shortHash(`${boot} ${processes} ${hostName()}`);
  })();
  return here;
}

function hostName(): string {
  try {
    return hostname();
  } catch {
    // Deno may not say it.
    return '';
  }
}

/** When a process began, in ticks since the boot; 0 if the host does not say; undefined if there is no such process. */
async function begin(pid: number): Promise<number | undefined> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Somebody else's process may not be signalled, but it is there.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return undefined;
  }
  // Field 22 of proc_pid_stat(5). The second one, the name, may hold anything.
  const stat = await textOf(`/proc/${pid}/stat`);
  return Number(stat.slice(stat.lastIndexOf(')')).split(' ')[20] ?? 0);
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

function prefixOf(name: string): string {
  return `.${name.length > MOST_OF_NAME ? shortHash(name) : name}.`;
}

/** What a file that is to be called `name` is called until it is whole. */
export async function temporaryName(name: string): Promise<string> {
  const owner = `${await machine()}-${process.pid}-${(await begin(process.pid)) ?? 0}`;
  return `${prefixOf(name)}${owner}.${randomBytes(6).toString('hex')}.tmp`;
}

/** Removes what processes left behind that were killed while they wrote a file of this name. */
export async function removeLeftovers(folder: string, name: string): Promise<void> {
  const prefix = prefixOf(name);
  for (const file of await fs.readdir(folder).catch(() => [])) {
    const rest = file.startsWith(prefix) ? file.slice(prefix.length) : '';
    const [, owner] = /^([\w-]+)\.[0-9a-f]{12}\.tmp$/.exec(rest) ?? [];
    const path = join(folder, file);
    if (owner && (await isAbandoned(path, owner))) await fs.rm(path, { force: true });
  }
}

async function isAbandoned(path: string, owner: string): Promise<boolean> {
  const [, where, pid, began] = /^([0-9a-f]{12})-(\d+)-(\d+)$/.exec(owner) ?? [];
  // On this machine alone the number of a process says something.
  if (where === (await machine())) {
    const now = await begin(Number(pid));
    if (now !== 0) return now !== Number(began);
  }
  const left = await fs.stat(path).catch(() => undefined);
  return left !== undefined && Date.now() - left.mtimeMs > ABANDONED_AFTER_MS;
}

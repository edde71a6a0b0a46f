import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nn, optim } from 'wasmgrad';
import {
  encodeModel,
  encodeOnnx,
  encodeWeights,
  saveCheckpoint,
  saveModel,
  saveOnnx,
  saveWeights,
} from 'wasmgrad/io';
import { writeFile } from '../../src/io/filesNode.js';
import { temporaryName } from '../../src/io/leftovers.js';
import { root as project } from '../support/files.js';

const model = new nn.Linear(2, 3);
const bytes = encodeModel(model);
/** Writes a file by the sources of the library, in a process of its own: node <program> <path> <text>. */
const programs = mkdtempSync(join(tmpdir(), 'wasmgrad-'));
const program = join(programs, 'write.mjs');
afterAll(() => rmSync(programs, { recursive: true }));
buildSync({
  stdin: {
    contents: `
      import * as fs from 'node:fs/promises';
      import { writeFile } from './src/io/filesNode.ts';
      const [, , path, text] = process.argv;
      if (process.env.KILLED) {
        // As if the process were killed before the file has its name.
        const probe = await fs.open(process.execPath);
        Object.getPrototypeOf(probe).sync = () => process.exit();
      }
      await writeFile(path, new TextEncoder().encode(text));`,
    resolveDir: project,
  },
  bundle: true,
  platform: 'node',
  format: 'esm',
  outfile: program,
});
chmodSync(programs, 0o755);

const posix = process.platform !== 'win32';
const root = posix && process.getuid?.() === 0;

let folder: string;
const at = (...names: string[]): string => join(folder, ...names);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wasmgrad-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const holds = (path: string): void => expect(new Uint8Array(readFileSync(path))).toEqual(bytes);

describe.runIf(posix)('saving over what is there', () => {
  it.each([0o666, 0o600, 0o644, 0o640, 0o755, 0o444, 0o4755, 0o2664])('keeps the mode %o', async (mode) => {
    writeFileSync(at('model'), 'old');
    chmodSync(at('model'), mode);
    await saveModel(model, at('model'));
    expect(statSync(at('model')).mode & 0o7777).toBe(mode);
    holds(at('model'));
  });

  it.runIf(root)('keeps the owner and the group, with every bit of the mode', async () => {
    writeFileSync(at('model'), 'old');
    chownSync(at('model'), 12, 34);
    chmodSync(at('model'), 0o6750);
    await saveModel(model, at('model'));
    const { uid, gid, mode } = statSync(at('model'));
    expect([uid, gid, mode & 0o7777]).toEqual([12, 34, 0o6750]);
    holds(at('model'));
  });

  it.runIf(root)("keeps another user's file theirs, for a user who may write to it", () => {
    writeFileSync(at('model'), 'a longer text than what takes its place');
    chmodSync(at('model'), 0o666);
    chmodSync(folder, 0o777);
    chmodSync(program, 0o644);
    const user = ['--reuid=65534', '--regid=65534', '--clear-groups'];
    execFileSync('setpriv', [...user, process.execPath, program, at('model'), '123']);
    const { uid, mode } = statSync(at('model'));
    expect([uid, mode & 0o777]).toEqual([0, 0o666]);
    expect(readFileSync(at('model'), 'utf8')).toBe('123');
    expect(readdirSync(folder)).toEqual(['model']);
  });

  it('gives a new file the mode that other programs would', async () => {
    writeFileSync(at('other'), '');
    await saveModel(model, at('model'));
    expect(statSync(at('model')).mode).toBe(statSync(at('other')).mode);
  });

  it('follows links: to a file, over another link, through folders, to nothing yet', async () => {
    mkdirSync(at('real', 'deep'), { recursive: true });
    symlinkSync(at('real', 'deep'), at('folder'));
    // Through `folder` `..` is `real`, not where the link lies.
    symlinkSync('folder/../model', at('up'));
    symlinkSync('up', at('over'));
    for (const old of [false, true]) {
      if (old) writeFileSync(at('real', 'model'), 'old');
      await saveModel(model, at('over'));
      holds(at('real', 'model'));
      expect(readlinkSync(at('up'))).toBe('folder/../model');
      expect(readlinkSync(at('over'))).toBe('up');
      rmSync(at('real', 'model'));
    }
    symlinkSync(at('real', 'absolute'), at('absolute'));
    await saveModel(model, at('absolute'));
    expect(lstatSync(at('absolute')).isSymbolicLink()).toBe(true);
    holds(at('real', 'absolute'));
    expect(readdirSync(at('real')).toSorted()).toEqual(['absolute', 'deep']);
  });

  it('refuses links that lead to no folder, or in a circle, and leaves them', async () => {
    symlinkSync(at('missing', 'model'), at('lost'));
    symlinkSync('b', at('a'));
    symlinkSync('a', at('b'));
    await expect(saveModel(model, at('lost'))).rejects.toThrow(/^saveModel: ENOENT/);
    await expect(saveModel(model, at('a'))).rejects.toThrow(/^saveModel: ELOOP/);
    expect(readdirSync(folder).toSorted()).toEqual(['a', 'b', 'lost']);
  });

  it('of a second name of the file leaves that as it is', async () => {
    writeFileSync(at('model'), 'old');
    linkSync(at('model'), at('backup'));
    await saveModel(model, at('model'));
    holds(at('model'));
    expect(readFileSync(at('backup'), 'utf8')).toBe('old');
  });
});

describe.runIf(posix)('saving to what is no file', () => {
  const savers: Record<string, (path: string) => Promise<void>> = {
    saveModel: (path) => saveModel(model, path),
    saveWeights: (path) => saveWeights(model, path),
    saveOnnx: (path) => saveOnnx(model, path),
    saveCheckpoint: (path) =>
      saveCheckpoint({ model, optimizer: new optim.SGD(model.parameters(), { lr: 1 }) }, path),
  };

  it.each(Object.keys(savers))('%s to a device writes into it, and it stays one', async (name) => {
    const before = statSync('/dev/null');
    await savers[name]('/dev/null');
    symlinkSync('/dev/null', at('null'));
    await savers[name](at('null'));
    const after = statSync('/dev/null');
    expect(after.isCharacterDevice()).toBe(true);
    expect([after.ino, after.mode, after.rdev]).toEqual([before.ino, before.mode, before.rdev]);
    expect(lstatSync(at('null')).isSymbolicLink()).toBe(true);
  });

  it('a device that is full is an error', async () => {
    if (existsSync('/dev/full'))
      await expect(saveModel(model, '/dev/full')).rejects.toThrow(/^saveModel: ENOSPC/);
  });

  it.each([
    ['saveModel', bytes],
    ['saveWeights', encodeWeights(model)],
    ['saveOnnx', encodeOnnx(model)],
  ])('%s to a pipe writes into it, and it stays one', async (name, expected) => {
    execFileSync('mkfifo', [at('pipe')]);
    const reader = spawn('cat', [at('pipe')]);
    const chunks: Uint8Array[] = [];
    reader.stdout.on('data', (chunk: Uint8Array) => chunks.push(chunk));
    const ended = new Promise((resolve) => reader.stdout.on('end', resolve));
    await savers[name](at('pipe'));
    await ended;
    expect(new Uint8Array(Buffer.concat(chunks))).toEqual(expected);
    expect(statSync(at('pipe')).isFIFO()).toBe(true);
    expect(readdirSync(folder)).toEqual(['pipe']);
  });

  it('a folder or a socket is refused in words, and nothing is left behind', async () => {
    mkdirSync(at('folder'));
    await expect(saveModel(model, at('folder'))).rejects.toThrow(/^saveModel: '.*folder' is a folder/);
    const server = createServer();
    await new Promise<void>((resolve) => void server.listen(at('socket'), resolve));
    try {
      await expect(saveModel(model, at('socket'))).rejects.toThrow(/^saveModel: '.*socket' is a socket/);
      expect(readdirSync(folder).toSorted()).toEqual(['folder', 'socket']);
      expect(readdirSync(at('folder'))).toEqual([]);
    } finally {
      server.close();
    }
    await expect(saveModel(model, '')).rejects.toThrow(/^saveModel: .*an empty text/);
    await expect(saveModel(model, at('a\0b'))).rejects.toThrow(/^saveModel: .*null bytes/);
    await expect(saveModel(model, new URL('https://x.test/model'))).rejects.toThrow(
      /^saveModel: .*scheme file/,
    );
  });
});

describe('what a killed process leaves behind', () => {
  const DAY_MS = 24 * 60 * 60 * 1000;
  /** The name of a file in the making, with another owner. */
  const named = async (change: (owner: string) => string, name = 'model'): Promise<string> => {
    const own = await temporaryName(name);
    const [, owner] = /\.([\w]+-\d+-\d+)\./.exec(own)!;
    return own.replace(owner, change(owner));
  };
  const dead = (owner: string): string => owner.replace(/-\d+-/, `-${2 ** 22 + 1}-`);
  const elsewhere = (owner: string): string => owner.replace(/^\w+/, '0123456789ab');

  it.each<[string, boolean, number, Parameters<typeof named>]>([
    ['of a process that is gone: removed', true, 0, [dead]],
    ['of one that had the number before: removed', true, 0, [(owner) => owner.replace(/\d+$/, '1')]],
    ['of this process, which is writing: kept', false, 2 * DAY_MS, [(owner) => owner]],
    ['of another container with this number: kept', false, 0, [elsewhere]],
    [
      'of another container with a number that nobody has here: kept',
      false,
      0,
      [(owner) => dead(elsewhere(owner))],
    ],
    ['of another container, untouched for a day: removed', true, 2 * DAY_MS, [elsewhere]],
    ['of a version that noted the number alone: kept', false, 0, [() => String(2 ** 22 + 1)]],
    ['of a version that noted the number alone, a day ago: removed', true, 2 * DAY_MS, [() => '1']],
    ['of another file: kept', false, 2 * DAY_MS, [dead, 'model2']],
  ])('%s', async (_, removed, age, [change, name]) => {
    const left = at(await named(change, name));
    writeFileSync(left, 'half');
    utimesSync(left, new Date(Date.now() - age), new Date(Date.now() - age));
    const similar = at('.model.notes.tmp');
    writeFileSync(similar, 'mine');
    await writeFile(at('model'), bytes);
    holds(at('model'));
    if (process.platform === 'linux') expect(existsSync(left)).toBe(!removed);
    expect(existsSync(similar)).toBe(true);
  });

  it('is short enough for any name', async () => {
    for (const name of ['m'.repeat(255), 'ü'.repeat(127), '漢'.repeat(85)]) {
      await writeFile(at(name), bytes);
      holds(at(name));
      rmSync(at(name));
    }
    expect(readdirSync(folder)).toEqual([]);
  });

  const apart = spawnSync('unshare', ['--pid', '--fork', '--mount-proc', 'true']).status === 0;
  it.runIf(apart)('is not what another container writes now; what that one left is its own to remove', () => {
    const write = (text: string, ...before: string[]): void => {
      const [command, ...rest] = [...before, process.execPath, program, at('model'), text];
      execFileSync(command, rest);
    };
    const container = ['unshare', '--pid', '--fork', '--mount-proc'];
    // What is written for ever: the process is killed at once, and its file stays.
    write('left', ...container, 'env', 'KILLED=1');
    const [left, ...more] = readdirSync(folder);
    expect(more).toEqual([]);
    write('first');
    expect(readdirSync(folder).toSorted()).toEqual([left, 'model'].toSorted());
    write('here', 'env', 'KILLED=1');
    expect(readdirSync(folder)).toHaveLength(3);
    write('second');
    expect(readdirSync(folder).toSorted()).toEqual([left, 'model'].toSorted());
    expect(readFileSync(at('model'), 'utf8')).toBe('second');
  });
});

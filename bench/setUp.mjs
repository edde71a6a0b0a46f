// Everything that a run needs: the peers, the loops of the ceiling, and the opcodes as a module.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';
import ts from 'typescript';

const root = fileURLToPath(new URL('..', import.meta.url));

function installPeers() {
  const installed = `${root}bench/node_modules/.package-lock.json`;
  const locked = `${root}bench/package-lock.json`;
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(locked).mtimeMs) return;
  console.log('installing the peers …');
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts'], {
    cwd: `${root}bench`,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error('the peers could not be installed');
}

/** assembly/opcodes.ts as JavaScript: its enums are constants, which leave nothing behind in the library. */
function writeOpcodes() {
  const source = readFileSync(`${root}assembly/opcodes.ts`, 'utf8');
  const compilerOptions = {
    module: ts.ModuleKind.ESNext,
    target: ts.ScriptTarget.ES2022,
    preserveConstEnums: true,
  };
  writeFileSync(`${root}build/bench/opcodes.mjs`, ts.transpileModule(source, { compilerOptions }).outputText);
}

/**
 * The loops of the ceiling, with the options of the core.
 *
 * @param {string} build a target of asconfig.json
 */
async function compileCeiling(build) {
  const { options, targets } = JSON.parse(readFileSync(`${root}asconfig.json`, 'utf8'));
  // asc takes a target's file from where its configuration is.
  const config = { options, targets: { [build]: { ...targets[build], outFile: `ceiling-${build}.wasm` } } };
  writeFileSync(`${root}build/bench/asconfig.json`, JSON.stringify(config));
  const { error, stderr } = await asc.main([
    'bench/assembly/ceiling.ts',
    '--baseDir',
    root,
    '--config',
    'build/bench/asconfig.json',
    '--target',
    build,
  ]);
  if (error) throw new Error(`the ceiling could not be compiled: ${stderr.toString()}`);
}

export async function setUp() {
  installPeers();
  mkdirSync(`${root}build/bench`, { recursive: true });
  writeOpcodes();
  for (const build of ['strict', 'relaxed']) await compileCeiling(build);
}

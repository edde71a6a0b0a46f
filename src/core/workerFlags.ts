/** Flags that say how Node loads files, with a value behind them. */
const LOADING = /^(--import|--require|-r|--loader|--experimental-loader|--conditions|-C)(=|$)/;
/** The same without a value. */
const LOADING_ALONE =
  /^--(experimental-(strip|transform)-types|preserve-symlinks|enable-source-maps|no-warnings)$/;
/** Says what `--eval` and standard input are written in. Node starts no worker from a file that inherits it. */
const INPUT_TYPE = /--input-type(=|\s+)\S+/g;

/** Options for a worker of node:worker_threads that runs a file, whatever this program was started from. */
export function workerOptions(): { execArgv?: string[]; env?: NodeJS.ProcessEnv } {
  // They start workers as they are, and Deno asks the user before it tells of the environment.
  if ('Deno' in globalThis || 'Bun' in globalThis) return {};
  const { NODE_OPTIONS = '' } = process.env;
  const inherited = NODE_OPTIONS.replace(INPUT_TYPE, '');
  return {
    ...(process.execArgv.some((flag) => flag.startsWith('--input-type')) && { execArgv: loadingFlags() }),
    ...(inherited !== NODE_OPTIONS && { env: { ...process.env, NODE_OPTIONS: inherited } }),
  };
}

/** Node refuses the flags of a process for one worker, and does not say which those are: the others are picked out. */
function loadingFlags(): string[] {
  const { execArgv } = process;
  return execArgv.filter((flag, i) => {
    const before = LOADING.exec(execArgv[i - 1] ?? '');
    return LOADING.test(flag) || LOADING_ALONE.test(flag) || (before !== null && before[2] === '');
  });
}

// Runs before each test file of the projects `strict`, `relaxed` and `threads`.
import { configure, runtimeInfo, type BuildName } from 'wasmgrad';
import { engine } from '../../src/core/engine.js';

configure({ build: process.env.BUILD as BuildName });
const threads = Number(process.env.THREADS ?? 1);
if (threads > 1) {
  await configure({ threads });
  if (runtimeInfo().threads !== threads) throw new Error(runtimeInfo().threadsReason);
  // Every instruction is shared, however small.
  engine().team!.crossover(0, 0);
}

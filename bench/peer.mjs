import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const here = (/** @type {string} */ file) => fileURLToPath(new URL(file, import.meta.url));

/** A peer in its process: asked one thing at a time. */
export class Peer {
  /**
   * @param {string} label
   * @param {string} command
   * @param {string[]} args
   */
  constructor(label, command, args) {
    this.label = label;
    this.version = '';
    const env = {
      ...process.env,
      OPENBLAS_NUM_THREADS: '1',
      OMP_NUM_THREADS: args.at(-1) === '2' ? '2' : '1',
    };
    if (args.at(-1) === '2') env.OPENBLAS_NUM_THREADS = '2';
    this.process = spawn(command, args, { stdio: ['pipe', 'pipe', 'ignore'], env });
    /** @type {((line: string | undefined) => void)[]} */
    this.waiting = [];
    createInterface({ input: this.process.stdout })
      .on('line', (line) => line.startsWith('{') && this.waiting.shift()?.(line))
      .on('close', () => this.waiting.splice(0).forEach((resolve) => resolve(undefined)));
    this.process.on('error', () => this.waiting.splice(0).forEach((resolve) => resolve(undefined)));
    this.process.stdin.on('error', () => {});
  }

  /**
   * @param {object} request
   * @returns {Promise<any>}
   */
  async ask(request) {
    const line = await new Promise((resolve) => {
      this.waiting.push(resolve);
      this.process.stdin.write(`${JSON.stringify(request)}\n`);
    });
    if (line === undefined) throw new Error('the process ended');
    const answer = JSON.parse(line);
    if (answer.error) throw new Error(answer.error);
    return answer;
  }

  end() {
    this.process.stdin.end();
    this.process.kill();
  }
}

/**
 * @param {string} label
 * @param {string} node which Node runs it
 * @param {string} name of its module in peers/
 * @param {string[]} args
 */
export const javascriptPeer = (label, node, name, ...args) =>
  new Peer(label, node, [here('child.mjs'), name, ...args]);

/**
 * @param {string} label
 * @param {string} threads
 */
export const pytorchPeer = (label, threads) =>
  new Peer(label, 'python3', [here('peers/pytorch.py'), threads]);

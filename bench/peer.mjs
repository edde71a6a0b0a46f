import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/**
 * How a peer is started.
 *
 * @typedef {object} Candidate
 * @property {string} command
 * @property {string[]} args
 * @property {Record<string, string>} [env] beside the environment of this process
 * @property {boolean} [readsNumbers] its numbers come from a file
 */

/** How much of a peer's stderr is kept, for the reason of its failure. */
const KEPT_CHARACTERS = 4000;

/** @type {Set<Peer>} */
const running = new Set();
const endAll = () => running.forEach((peer) => peer.end());
process.on('exit', endAll);
for (const [signal, code] of /** @type {const} */ ([
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
])) {
  process.on(signal, () => process.exit(code));
}

/** A peer in a process of its own: asked one thing at a time, and ended when it does not answer. */
export class Peer {
  /** Why it ended; undefined while it runs. */
  /** @type {string | undefined} */
  ended;
  /** What describe() answered. */
  /** @type {any} */
  info = {};
  #stderr = '';
  #requests = 0;
  /** @type {{ request: number, settle: (answer: any) => void } | undefined} */
  #waiting;

  /** @param {Candidate} candidate */
  constructor({ command, args, env }) {
    this.process = spawn(command, args, { env: { ...process.env, ...env }, stdio: 'pipe' });
    running.add(this);
    createInterface({ input: this.process.stdout }).on('line', (line) => this.#hear(line));
    this.process.stderr.on('data', (chunk) => {
      this.#stderr = (this.#stderr + chunk).slice(-KEPT_CHARACTERS);
    });
    this.process.stdin.on('error', () => {});
    this.process.on('error', (error) => this.end(error.message));
    // After 'exit', 'close' comes when stderr has been read to its end. A question may come later still: see ask().
    this.process.on('close', (code, signal) =>
      this.end(this.#lastError() ?? `its process ended (${signal ?? `exit code ${code}`})`),
    );
  }

  /**
   * @param {{ command: string, [key: string]: unknown }} request
   * @param {number} limitSeconds
   * @returns {Promise<any>}
   * @throws Error with the reason where it answers with one, does not answer in time, or has ended
   */
  async ask(request, limitSeconds) {
    if (this.ended !== undefined) throw new Error(this.ended);
    const number = ++this.#requests;
    let timer;
    const answer = await new Promise((settle) => {
      this.#waiting = { request: number, settle };
      timer = setTimeout(
        () => this.end(`no answer to '${request.command}' within ${limitSeconds} s`),
        limitSeconds * 1000,
      );
      this.process.stdin.write(`${JSON.stringify({ ...request, request: number })}\n`);
    });
    clearTimeout(timer);
    this.#waiting = undefined;
    if (answer === undefined) throw new Error(this.ended);
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer;
  }

  /** @param {string} [reason] */
  end(reason = 'it was ended') {
    if (this.ended !== undefined) return;
    this.ended = reason;
    running.delete(this);
    this.process.kill('SIGKILL');
    this.#waiting?.settle(undefined);
  }

  /** @param {string} line */
  #hear(line) {
    // Libraries print too: an answer is a line of JSON with the number of the question.
    if (!line.startsWith('{')) return;
    try {
      const answer = JSON.parse(line);
      if (answer.request === this.#waiting?.request) this.#waiting?.settle(answer);
    } catch {
      // Not an answer.
    }
  }

  #lastError() {
    const lines = this.#stderr.split('\n').filter((line) => line.trim() !== '');
    return lines.findLast((line) => /error/i.test(line))?.trim() ?? lines.at(-1)?.trim();
  }
}

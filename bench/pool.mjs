import { Peer } from './peer.mjs';

/** Deaths after which a peer is not started again. */
const DEATHS = 2;

/** The peers that run, by their labels: each is started when it is first wanted. */
export class Pool {
  /** Why peers cannot run here. */
  /** @type {Map<string, string>} */
  unavailable = new Map();
  /** @type {Map<string, Peer>} */
  #peers = new Map();
  /** @type {Map<string, number>} */
  #deaths = new Map();

  /**
   * @param {Map<string, import('./peer.mjs').Candidate>} candidates
   * @param {number} limitSeconds for the start of one
   */
  constructor(candidates, limitSeconds) {
    this.candidates = candidates;
    this.limitSeconds = limitSeconds;
  }

  /**
   * @param {string} label
   * @returns {Promise<Peer>}
   * @throws Error with the reason where it cannot run
   */
  async get(label) {
    const known = this.#peers.get(label);
    if (known && known.ended === undefined) return known;
    if (known) {
      const deaths = (this.#deaths.get(label) ?? 0) + 1;
      this.#deaths.set(label, deaths);
      this.#peers.delete(label);
      if (deaths >= DEATHS) this.unavailable.set(label, `given up: ${known.ended}`);
    }
    const reason = this.unavailable.get(label);
    if (reason !== undefined) throw new Error(reason);
    const peer = this.fresh(label);
    try {
      peer.info = await peer.ask({ command: 'describe' }, this.limitSeconds);
    } catch (error) {
      peer.end();
      this.unavailable.set(label, /** @type {Error} */ (error).message);
      throw error;
    }
    this.#peers.set(label, peer);
    return peer;
  }

  /**
   * A process that has not been asked anything, and that its caller ends.
   *
   * @param {string} label
   */
  fresh(label) {
    return new Peer(/** @type {import('./peer.mjs').Candidate} */ (this.candidates.get(label)));
  }

  /**
   * Starts several at once; what keeps one from it, get() says later.
   *
   * @param {string[]} labels
   */
  async start(labels) {
    await Promise.allSettled(labels.map((label) => this.get(label)));
  }

  /** Ends those of which a fresh process is wanted, or all. */
  end(labels = [...this.#peers.keys()]) {
    for (const label of labels) {
      this.#peers.get(label)?.end();
      this.#peers.delete(label);
    }
  }
}

// Packs the code of a build so tightly that it can be carried inside JavaScript; assembly/unpack.ts undoes it.

// Places of probabilities, and how they learn: as in unpack.ts.
const COPY = 65536;
const AGAIN = COPY + 512;
const NUMBER = 2048;
const COUNT = AGAIN + 1;
const OFFSET = COUNT + 2 * NUMBER;
const SIZE = OFFSET + 3 * NUMBER;
const PLACES = SIZE + NUMBER;
const HALF = 2 ** 26;
const SLOWEST = 5;

/** Longest copy, how many places a copy is looked for at, and how often the way through is improved. */
const LONGEST = 2000;
/** Of copies that are longer, only the longest is thought of. */
const SHORT = 64;
const TRIES = 400;
const ROUNDS = 4;

/**
 * @typedef {{ count: number, offset?: number, again?: number }} Step a byte (count 0), or a copy
 * @typedef {(place: number, one: number) => void} Bit
 */

/** What is known of each bit, as unpack.ts keeps it, and what bits cost by that. */
class Model {
  chances = new Int32Array(PLACES);
  seen = new Uint8Array(PLACES);

  /** That the bit is 1, of 4096. @param {number} place */
  one(place) {
    return Math.max((this.chances[place] + HALF) >> 15, 1);
  }

  /** @type {Bit} */
  learn(place, one) {
    const chance = this.chances[place];
    const seen = this.seen[place] + 1;
    this.chances[place] =
      chance + (((one ? HALF - 1 : -HALF) - chance) >> Math.min(32 - Math.clz32(seen), SLOWEST));
    this.seen[place] = Math.min(seen, 31);
  }

  /** @type {(place: number, one: number) => number} */
  cost(place, one) {
    const chance = this.one(place);
    return 12 - Math.log2(one ? chance : 4096 - chance);
  }
}

/** Calls `bit` for each bit of a number from 1 on. @type {(place: number, value: number, bit: Bit) => void} */
function number(place, value, bit) {
  const digits = 31 - Math.clz32(value);
  for (let i = 0; i < digits; i++) bit(place + i, 1);
  bit(place + digits, 0);
  for (let left = digits, known = 1; left--;) {
    const one = (value >> left) & 1;
    bit(place + 32 + digits * 64 + (known < 16 ? known : 16 + left), one);
    known = known * 2 + one;
  }
}

/** @type {(step: Step, bit: Bit) => void} */
const countOf = ({ count, again = 0 }, bit) => number(COUNT + again * NUMBER, count - 1 + again, bit);
/** @type {(step: Step, bit: Bit) => void} */
const offsetOf = ({ count, offset = 1 }, bit) =>
  number(OFFSET + Math.min(count - 2, 2) * NUMBER, offset, bit);

/**
 * Calls `bit` for each bit of the steps.
 *
 * @type {(data: Uint8Array, start: number, steps: readonly Step[], bit: Bit) => void}
 */
function spell(data, start, steps, bit) {
  number(SIZE, data.length - start, bit);
  let at = start;
  let copied = 0;
  for (const step of steps) {
    const before = data[at - 1] ?? 0;
    bit(COPY + copied * 256 + before, step.count ? 1 : 0);
    if (step.count) {
      if (!copied) bit(AGAIN, step.again ?? 0);
      countOf(step, bit);
      if (!step.again) offsetOf(step, bit);
    } else {
      for (let left = 7, known = 1; left >= 0; left--) {
        const one = (data[at] >> left) & 1;
        bit(before * 256 + known, one);
        known = known * 2 + one;
      }
    }
    at += step.count || 1;
    copied = step.count ? 1 : 0;
  }
}

/**
 * For each position the copies that are longer than those from nearer by.
 *
 * @param {Uint8Array} data
 * @param {number} start
 */
function copies(data, start) {
  const last = new Int32Array(65536).fill(-1);
  const previous = new Int32Array(data.length).fill(-1);
  return Array.from(data, (byte, i) => {
    /** @type {{ count: number, offset: number }[]} */
    const found = [];
    if (i + 1 >= data.length) return found;
    const pair = (byte << 8) | data[i + 1];
    previous[i] = last[pair];
    last[pair] = i;
    if (i < start) return found;
    let longest = 1;
    for (let j = previous[i], tries = TRIES; j >= 0 && tries--; j = previous[j]) {
      if (data[j + longest] !== data[i + longest]) continue;
      let count = 2;
      while (count < LONGEST && i + count < data.length && data[j + count] === data[i + count]) count++;
      if (count <= longest) continue;
      longest = count;
      found.push({ count, offset: i - j });
    }
    return found;
  });
}

/**
 * What each choice costs, by the model at the end of the last way.
 *
 * @param {Uint8Array} data
 * @param {Model} model
 * @param {Float64Array} bytesCost
 */
function prices(data, model, bytesCost) {
  /** @type {Map<number, number>} */
  const memo = new Map();
  /** @type {(key: number, spelled: (bit: Bit) => void) => number} */
  const priced = (key, spelled) => {
    const known = memo.get(key);
    if (known !== undefined) return known;
    let cost = 0;
    spelled((place, one) => (cost += model.cost(place, one)));
    memo.set(key, cost);
    return cost;
  };
  return {
    copy: (/** @type {number} */ i, /** @type {number} */ copied, /** @type {number} */ one) =>
      model.cost(COPY + copied * 256 + (data[i - 1] ?? 0), one),
    again: (/** @type {number} */ one) => model.cost(AGAIN, one),
    count: (/** @type {number} */ count, /** @type {number} */ again) =>
      priced(count * 2 + again, (bit) => countOf({ count, again }, bit)),
    offset: (/** @type {number} */ count, /** @type {number} */ offset) =>
      priced(-(offset * 4 + Math.min(count, 4)), (bit) => offsetOf({ count, offset }, bit)),
    byte: (/** @type {number} */ i) => bytesCost[i],
  };
}

/**
 * The cheapest steps through the data.
 *
 * @param {Uint8Array} data
 * @param {number} start
 * @param {ReturnType<typeof copies>} found
 * @param {ReturnType<typeof prices>} price
 */
function cheapest(data, start, found, price) {
  const cost = new Float64Array(data.length + 1).fill(Infinity);
  /** @type {Step[]} */
  const steps = new Array(data.length + 1);
  const offsets = new Int32Array(data.length + 1).fill(1);
  cost[start] = 0;
  /** @type {(i: number, step: Step, extra: number) => void} */
  const offer = (i, step, extra) => {
    const end = i + (step.count || 1);
    if (cost[i] + extra >= cost[end]) return;
    cost[end] = cost[i] + extra;
    steps[end] = step;
    offsets[end] = step.offset ?? offsets[i];
  };
  for (let i = start; i < data.length; i++) {
    const copied = steps[i]?.count ? 1 : 0;
    offer(i, { count: 0 }, price.copy(i, copied, 0) + price.byte(i));
    const base = price.copy(i, copied, 1);
    if (!copied) {
      const offset = offsets[i];
      for (let count = 1; count <= LONGEST && data[i + count - 1] === data[i + count - 1 - offset]; count++) {
        if (i + count > data.length) break;
        if (count > SHORT && data[i + count] === data[i + count - offset] && count < LONGEST) continue;
        offer(i, { count, offset, again: 1 }, base + price.again(1) + price.count(count, 1));
      }
    }
    const other = base + (copied ? 0 : price.again(0));
    let count = 2;
    for (const { count: most, offset } of found[i]) {
      for (; count <= most; count = count < SHORT ? count + 1 : Math.max(most, count + 1)) {
        offer(i, { count, offset, again: 0 }, other + price.count(count, 0) + price.offset(count, offset));
      }
    }
  }
  const way = [];
  for (let i = data.length; i > start; i -= steps[i].count || 1) way.push(steps[i]);
  return way.toReversed();
}

/**
 * An arithmetic coder as LZMA has it.
 *
 * @param {Uint8Array} data
 * @param {number} start
 * @param {readonly Step[]} steps
 */
function encode(data, start, steps) {
  const model = new Model();
  /** @type {number[]} */
  const bytes = [];
  let low = 0;
  let range = 2 ** 32 - 1;
  const carry = () => {
    for (let i = bytes.length - 1; i >= 0 && ++bytes[i] === 256; i--) bytes[i] = 0;
  };
  const shift = () => {
    bytes.push(Math.floor(low / 2 ** 24));
    low = (low % 2 ** 24) * 256;
  };
  spell(data, start, steps, (place, one) => {
    const bound = Math.floor(range / 4096) * model.one(place);
    if (one) range = bound;
    else {
      low += bound;
      range -= bound;
      if (low >= 2 ** 32) {
        low -= 2 ** 32;
        carry();
      }
    }
    while (range < 2 ** 24) {
      range *= 256;
      shift();
    }
    model.learn(place, one);
  });
  for (let i = 0; i < 4; i++) shift();
  while (bytes.at(-1) === 0) bytes.pop();
  return Buffer.from(bytes);
}

/**
 * @param {Uint8Array} code
 * @param {Uint8Array} known what unpack() will be given, too
 * @returns {string} base64
 */
export function pack(code, known = new Uint8Array()) {
  const start = known.length;
  const data = new Uint8Array([...known, ...code]);
  const found = copies(data, start);
  /** @type {Buffer | undefined} */
  let best;
  let model = new Model();
  // A guess to begin with: six bits for a byte.
  let bytesCost = new Float64Array(data.length).fill(6);
  for (let round = 0; round < ROUNDS; round++) {
    const way = cheapest(data, start, found, prices(data, model, bytesCost));
    const packed = encode(data, start, way);
    if (!best || packed.length < best.length) best = packed;
    // What was learnt from that way prices the choices of the next.
    model = new Model();
    spell(data, start, way, (place, one) => model.learn(place, one));
    bytesCost = Float64Array.from(data, (byte, i) => {
      let cost = 0;
      for (let left = 7, known = 1; left >= 0; left--) {
        const one = (byte >> left) & 1;
        cost += model.cost((data[i - 1] ?? 0) * 256 + known, one);
        known = known * 2 + one;
      }
      return cost;
    });
  }
  return /** @type {Buffer} */ (best).toString('base64');
}

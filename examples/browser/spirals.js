// Two spirals, one inside the other: the classic that no straight line can part.

/** Numbers between -0.5 and 0.5, the same ones for the same seed (mulberry32). */
function noiseFrom(/** @type {number} */ seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32 - 0.5;
  };
}

/**
 * `count` points of each spiral, in the square from -1 to 1.
 *
 * @param {number} count
 * @param {number} seed
 */
export function spirals(count, seed) {
  const turns = 1.75;
  const noise = noiseFrom(seed);
  const points = new Float32Array(4 * count);
  const labels = new Int32Array(2 * count);
  for (let i = 0; i < 2 * count; i++) {
    const arm = i % 2;
    const radius = Math.sqrt((i + 1) / (2 * count));
    const angle = (2 * turns * radius + arm) * Math.PI;
    points[2 * i] = 0.92 * radius * Math.cos(angle) + 0.06 * noise();
    points[2 * i + 1] = 0.92 * radius * Math.sin(angle) + 0.06 * noise();
    labels[i] = arm;
  }
  return { points, labels };
}

import { describe, expect, it } from 'vitest';
import { Calm, walk } from '../../bench/calm.mjs';

/** A machine on which each thing that happens finds the next of these. */
function machine(looks: number[]) {
  const naps: number[] = [];
  const nap = (seconds: number): Promise<void> => {
    naps.push(seconds);
    return Promise.resolve();
  };
  return { look: () => looks.shift() ?? 1, nap, naps };
}

describe('Calm', () => {
  it('measures at once where nobody disturbs', async () => {
    const { look, nap, naps } = machine([]);
    const calm = new Calm(10, look, nap);
    expect(await calm.measured(() => Promise.resolve('first'))).toBe('first');
    expect([naps.length, calm.repeated]).toEqual([0, 0]);
  });

  it('waits before, and measures again what was disturbed', async () => {
    // Calm; before: disturbed twice, calm; after: disturbed; before: calm; after: calm.
    const { look, nap, naps } = machine([1, 1, 1.3, 1.5, 1.1, 1.2, 1, 1]);
    const calm = new Calm(10, look, nap);
    await calm.measured(() => Promise.resolve());
    let count = 0;
    expect(await calm.measured(() => Promise.resolve(++count))).toBe(2);
    expect([naps.length, calm.repeated]).toEqual([2, 1]);
  });

  it('goes on where it is never calm', async () => {
    const { look, nap } = machine([1, ...Array.from({ length: 1000 }, () => 2)]);
    const calm = new Calm(1, look, nap);
    await calm.measured(() => Promise.resolve());
    for (let i = 0; i < 5; i++) await calm.measured(() => Promise.resolve());
    expect(calm.waited).toBeLessThan(1.2);
    calm.begin();
    await calm.measured(() => Promise.resolve());
    expect(calm.waited).toBeGreaterThan(1.5);
  });

  it('makes nothing again without patience', async () => {
    const { look, nap } = machine([1, 2, 2, 2, 2, 2]);
    const calm = new Calm(0, look, nap);
    for (let i = 0; i < 3; i++) await calm.measured(() => Promise.resolve());
    expect([calm.repeated, calm.waited]).toEqual([0, 0]);
  });

  it('looks at memory in a walk that takes some time', () => {
    expect(walk()()).toBeGreaterThan(0);
  });
});

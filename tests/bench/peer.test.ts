import { describe, expect, it } from 'vitest';
import { Calm } from '../../bench/calm.mjs';
import { agree, interleave } from '../../bench/interleave.mjs';
import { Peer } from '../../bench/peer.mjs';
import { Pool } from '../../bench/pool.mjs';

/** A peer that runs this program, in which `answer(request, fields)` answers. */
const program = (code: string) => ({
  command: process.execPath,
  args: [
    '-e',
    `const answer = ({ request }, fields) => console.log(JSON.stringify({ ...fields, request }));
     const onRequest = (fn) => require('node:readline').createInterface({ input: process.stdin })
       .on('line', (line) => fn(JSON.parse(line)));
     ${code}`,
  ],
});

const obedient = program(`onRequest((r) => {
  console.log('noise {');
  answer(r, { version: '1', able: true, seconds: 2, outcome: [1, 2] });
});`);
const question = { command: 'describe' };

describe('a peer', () => {
  it('answers, whatever else its libraries print', async () => {
    const peer = new Peer(obedient);
    expect(await peer.ask(question, 20)).toMatchObject({ version: '1' });
    expect(await peer.ask(question, 20)).toMatchObject({ version: '1' });
    peer.end();
  });

  it('that had ended before it was asked says why, at once', async () => {
    const peer = new Peer(program(`throw new TypeError('no such library')`));
    await new Promise((resolve) => void peer.process.on('close', resolve));
    await expect(peer.ask(question, 20)).rejects.toThrow('TypeError: no such library');
  });

  it('that ends instead of answering says why', async () => {
    const peer = new Peer(program(`onRequest(() => process.exit(3))`));
    await expect(peer.ask(question, 20)).rejects.toThrow('its process ended (exit code 3)');
  });

  it('that does not exist says so', async () => {
    const peer = new Peer({ command: 'no-such-program', args: [] });
    await expect(peer.ask(question, 20)).rejects.toThrow('ENOENT');
  });

  it('that hangs is ended', async () => {
    const peer = new Peer(program(`onRequest(() => { for (;;); })`));
    const closed = new Promise((resolve) => void peer.process.on('close', resolve));
    await expect(peer.ask(question, 0.3)).rejects.toThrow("no answer to 'describe' within 0.3 s");
    await closed;
    await expect(peer.ask(question, 20)).rejects.toThrow('no answer');
  });

  it('that answers with an error goes on', async () => {
    const peer = new Peer(program(`onRequest((r) => answer(r, r.bad ? { error: 'bad' } : { fine: 1 }))`));
    await expect(peer.ask({ command: 'x', bad: true }, 20)).rejects.toThrow('bad');
    expect(await peer.ask({ command: 'x' }, 20)).toMatchObject({ fine: 1 });
    peer.end();
  });
});

describe('interleaved rounds', () => {
  const measure = async (candidates: Record<string, ReturnType<typeof program>>) => {
    const pool = new Pool(new Map(Object.entries(candidates)), 20);
    const notes: string[] = [];
    const context = {
      pool,
      settings: { quick: true, rounds: 3, seconds: 0.01, shortWarmUp: 0, limitSeconds: 20 },
      calm: new Calm(0),
      note: (text: string) => void notes.push(text),
      progress: () => {},
    };
    const participants = Object.keys(candidates).map((label) => ({
      label,
      peer: label,
      task: 'step',
      workload: {},
    }));
    const timings = await interleave(context as never, participants);
    pool.end();
    return { timings, notes };
  };

  it('go on without those that cannot, and name them', async () => {
    const { timings, notes } = await measure({
      good: obedient,
      dead: program(`process.exit(1)`),
      unable: program(`onRequest((r) => answer(r, { version: '1', able: false }))`),
      dying: program(`let asked = 0;
        onRequest((r) => (++asked > 3 ? process.exit(9) : answer(r, { version: '1', able: true, seconds: 4 })));`),
      other: program(
        `onRequest((r) => answer(r, { version: '1', able: true, seconds: 1, outcome: [1, 3] }))`,
      ),
    });
    expect([...timings.keys()]).toEqual(['good', 'dying', 'other']);
    expect(timings.get('good')).toEqual({
      seconds: 2,
      spread: 0,
      rounds: [2, 2, 2],
      ratios: [],
      version: '1',
    });
    expect(timings.get('dying')!.rounds).toEqual([4]);
    expect(notes).toEqual([
      'not measured: dead, step: its process ended (exit code 1)',
      'other computes other numbers: 1,3… instead of 1,2…',
      'failed in round 2: dying: its process ended (exit code 9)',
    ]);
  });

  it('take rounding for agreement, and nothing more', () => {
    expect(agree([1, 0], [1.0001, 0.001])).toBe(true);
    expect(agree([1, 0], [1.01, 0])).toBe(false);
    expect(agree([1, 0], [1])).toBe(false);
    expect(agree([1], [NaN])).toBe(false);
  });
});

describe('a pool', () => {
  it('starts a peer again once, and then gives it up', async () => {
    const pool = new Pool(new Map([['mortal', obedient]]), 20);
    (await pool.get('mortal')).end('first death');
    (await pool.get('mortal')).end('second death');
    await expect(pool.get('mortal')).rejects.toThrow('given up: second death');
  });
});

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { nn, optim } from 'wasmgrad';
import { encodeWeights, loadCheckpoint, saveCheckpoint } from 'wasmgrad/io';
import { root } from '../support/files.js';
import { pointsClassifier } from '../support/pointsClassifier.js';
import { random } from '../support/random.js';

// The programs that are killed run the built library, as users have it.

const folder = mkdtempSync(join(tmpdir(), 'wasmgrad-'));
afterAll(() => rmSync(folder, { recursive: true }));

function start(script: string, ...args: string[]): ChildProcess & { text: () => string } {
  const child = spawn(process.execPath, [join(root, 'tests/support', script), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (chunk) => (text += String(chunk)));
  return Object.assign(child, { text: () => text });
}

/** Kills a process some time after its first output, and waits for its end. What it printed. */
async function killed(child: ReturnType<typeof start>, milliseconds: number): Promise<string> {
  const ended = once(child, 'exit');
  await Promise.race([once(child.stdout!, 'data'), ended]);
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  child.kill('SIGKILL');
  await ended;
  return child.text();
}

describe('a process that is killed', () => {
  const KILLS = 100;
  const LANES = 4;

  it(`${KILLS} times while it writes a checkpoint leaves the old one or the new one, whole`, async () => {
    const lane = async (number: number): Promise<number> => {
      const draw = random(number);
      const name = `lane${number}.safetensors`;
      const path = join(folder, name);
      let kills = 0;
      let last = 0;
      for (; kills < KILLS / LANES; kills++) {
        const printed = await killed(start('checkpointWriter.js', path, String(last)), draw() * 30);
        const model = new nn.Linear(200, 200);
        const { extra } = await loadCheckpoint(path, { model });
        // Of whole lines: the kill may have cut off the last one.
        const told = Number(printed.slice(0, printed.lastIndexOf('\n')).split('\n').at(-1));
        expect(told).toBeGreaterThan(last);
        expect([told, told + 1]).toContain(extra);
        last = extra as number;
        for (const parameter of model.parameters()) {
          expect(parameter.data.every((value) => value === last)).toBe(true);
        }
      }
      await saveCheckpoint({ model: new nn.Linear(200, 200) }, path);
      expect(readdirSync(folder).filter((file) => file.includes(name))).toEqual([name]);
      return kills;
    };
    const kills = await Promise.all(Array.from({ length: LANES }, (_, i) => lane(i + 1)));
    expect(kills.reduce((sum, count) => sum + count)).toBe(KILLS);
  });

  it('again and again while it trains ends with the bits of one that was left alone', async () => {
    const train = (name: string) => start('checkpointTrainer.js', join(folder, name));
    const whole = train('whole');
    expect((await once(whole, 'exit'))[0]).toBe(0);
    const draw = random(9);
    let kills = 0;
    for (let code: number | null = null; code !== 0;) {
      const child = train('parts');
      if (kills < 12) {
        await killed(child, draw() * 60);
        code = child.exitCode;
      } else [code] = (await once(child, 'exit')) as [number | null];
      kills++;
      expect(code === null || code === 0).toBe(true);
    }
    const weights = async (name: string) => {
      const model = pointsClassifier();
      const optimizer = new optim.Adam(model.parameters());
      const { history } = await loadCheckpoint(join(folder, name), { model, optimizer });
      return {
        weights: encodeWeights(model),
        optimizer: optimizer.stateDict(),
        epochs: history!.epochs.map((report) => ({ ...report, seconds: 0 })),
      };
    };
    expect((await weights('whole')).epochs.length).toBe(60);
    expect(await weights('parts')).toEqual(await weights('whole'));
  });
});

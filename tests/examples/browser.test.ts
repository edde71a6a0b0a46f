import { readFileSync } from 'node:fs';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { spirals } from '../../examples/browser/spirals.js';
import { chromiumPath, launchChromium } from '../../scripts/chromium.mjs';
import { serveDemo } from '../../scripts/demo.mjs';
import { LONGEST_MS, tasksDuring } from '../../scripts/demoFrames.mjs';
import { filesIn, root } from '../support/files.js';

// On CI it may not be missing.
const inChromium = chromiumPath !== undefined || process.env.CI !== undefined;

let demo: Awaited<ReturnType<typeof serveDemo>>;
let browser: Browser;

beforeAll(async () => {
  demo = await serveDemo();
  if (inChromium) browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
  await demo?.close();
});

/** What went wrong in the pages that were opened. */
const troubles: string[] = [];

/** The demo in a page of its own, ready to be started. */
async function open(options: BrowserContextOptions = {}): Promise<Page> {
  const page = await browser.newPage(options);
  page.setDefaultTimeout(120_000);
  page.on('console', (message) => {
    // Refusals of the Content-Security-Policy are among these.
    if (['error', 'warning'].includes(message.type())) troubles.push(message.text());
  });
  page.on('pageerror', (error) => void troubles.push(error.message));
  await page.goto(demo.url);
  await page.waitForSelector('#toggle:enabled');
  return page;
}

const number = async (page: Page, id: string): Promise<number> =>
  Number((await page.textContent(`#${id}`))!.replace(/[,%\s]/g, ''));

const frames = (page: Page, count: number): Promise<void> =>
  page.evaluate(async (left) => {
    for (let i = 0; i < left; i++) await new Promise(requestAnimationFrame);
  }, count);

/** Waits until the page shows an epoch beyond this one. */
const epochAfter = async (page: Page, epoch: number): Promise<number> => {
  await page.waitForFunction((from) => {
    return Number(document.querySelector('#epoch')!.textContent!.replaceAll(',', '')) > from;
  }, epoch);
  return number(page, 'epoch');
};

describe('the server of the demo', () => {
  it('serves the page and the built file with their types, and asks for a strict policy', async () => {
    const page = await fetch(demo.url);
    expect(page.headers.get('content-type')).toMatch(/^text\/html/);
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self' 'wasm-unsafe-eval';");
    expect(page.headers.get('content-security-policy')).not.toMatch(/unsafe-inline|'unsafe-eval'/);
    const types = { 'main.js': 'text/javascript', 'style.css': 'text/css', 'icon.svg': 'image/svg+xml' };
    for (const [file, type] of Object.entries(types)) {
      expect((await fetch(demo.url + file)).headers.get('content-type')).toContain(type);
    }
    const wasm = await fetch(new URL('/dist/wasm/strict.wasm', demo.url));
    expect(wasm.headers.get('content-type')).toBe('application/wasm');
    expect((await fetch(new URL('/', demo.url))).url).toBe(demo.url);
  });

  it('serves nothing else, and to this machine only', async () => {
    expect(new URL(demo.url).hostname).toBe('127.0.0.1');
    for (const path of [
      '/package.json',
      '/examples/digits.js',
      '/dist/%2e%2e/package.json',
      '/dist/../.git/config',
    ])
      expect((await fetch(new URL(path, demo.url))).status, path).toBe(404);
  });
});

describe.runIf(inChromium)('the demo in Chromium', () => {
  it('tells the spirals apart, and stops and goes on by keyboard', async () => {
    const page = await open();
    const toggle = page.locator('#toggle');
    expect(await number(page, 'epoch')).toBe(0);
    await toggle.focus();
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => parseFloat(document.querySelector('#accuracy')!.textContent!) >= 99);
    expect(await page.textContent('#status')).toMatch(/^99 % of the test points are right after \d+ epochs/);
    expect(await toggle.textContent()).toBe('Pause');

    await page.keyboard.press('Space');
    expect(await toggle.textContent()).toBe('Resume');
    const paused = await number(page, 'epoch');
    expect(await page.textContent('#status')).toBe(`Paused after ${paused} epochs.`);
    await frames(page, 3);
    expect(await number(page, 'epoch')).toBe(paused);

    await page.keyboard.press('Space');
    await epochAfter(page, paused);

    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(await toggle.textContent()).toBe('Start');
    await frames(page, 2);
    expect(await number(page, 'epoch')).toBe(0);
    expect(await number(page, 'accuracy')).toBeLessThan(80);
    await page.close();
  });

  it('draws the sides that the network takes places for, and the curve', async () => {
    const page = await open();
    await page.click('#toggle');
    await page.waitForFunction(() => parseFloat(document.querySelector('#accuracy')!.textContent!) >= 99);
    await page.click('#toggle');
    await frames(page, 40); // the picture of the last weights
    const { points, labels } = spirals(160, 2);
    const places = { points: [...points], labels: [...labels] };
    const { right, inked } = await page.evaluate(({ points, labels }) => {
      const pixels = (id: string): ImageData => {
        const canvas = document.querySelector<HTMLCanvasElement>(id)!;
        return canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
      };
      const { data, width } = pixels('#boundary');
      const sides = labels.map((_, i) => {
        const x = Math.floor(((points[2 * i] + 1) / 2) * width);
        const y = Math.floor(((1 - points[2 * i + 1]) / 2) * width);
        const at = 4 * (y * width + x);
        return Number(data[at] > data[at + 2]); // more red than blue
      });
      const curve = pixels('#curve');
      return {
        right: sides.filter((side, i) => side === labels[i]).length / labels.length,
        inked: curve.data.filter((_, i) => i % 4 === 3 && curve.data[i] === 255).length,
      };
    }, places);
    // Some of these places are below the other points that are drawn.
    expect(right).toBeGreaterThan(0.9);
    expect(inked).toBeGreaterThan(200);
    await page.close();
  });

  it('takes a learning rate as it trains, and begins anew with another network', async () => {
    const page = await open();
    await page.click('#toggle');
    const before = await epochAfter(page, 20);

    await page.getByRole('slider', { name: 'Learning rate' }).focus();
    await page.keyboard.press('Home');
    expect(await page.textContent('#lr-value')).toBe('0.0001');
    expect(await page.getAttribute('#lr', 'aria-valuetext')).toBe('0.0001');
    expect(await epochAfter(page, before)).toBeGreaterThan(before);

    for (const [name, key, text] of [
      ['Hidden layers', 'End', /^2-16-16-16-16-16-16-2, 1,442 parameters/],
      ['Units in a layer', 'Home', /^2-2-2-2-2-2-2-2, 42 parameters/],
    ] as const) {
      await epochAfter(page, 20);
      await page.getByRole('slider', { name }).press(key);
      expect(await page.textContent('#network')).toMatch(text);
      expect(await number(page, 'epoch')).toBeLessThan(20);
      await epochAfter(page, 0);
    }
    await page.getByRole('combobox', { name: 'Activation' }).selectOption('ReLU');
    expect(await page.textContent('#status')).toBe('A new network, for the new shape.');
    expect(await page.textContent('#toggle')).toBe('Pause');

    const slow = await number(page, 'epoch');
    await page.getByRole('slider', { name: 'Epochs in a frame' }).press('End');
    expect(await page.textContent('#speed-value')).toBe('all that fit');
    await epochAfter(page, slow + 1000);
    await page.close();
  });

  it('a slower learning rate is what the next step uses', async () => {
    const page = await open();
    await page.press('#lr', 'Home');
    await page.click('#toggle');
    await epochAfter(page, 120);
    // With the rate that the page begins with it would be below 0.1 by now.
    expect(await number(page, 'loss')).toBeGreaterThan(0.5);
    await page.close();
  });

  /** By the thread's own clock, so that other programs of a busy machine do not count. */
  describe(`gives the page its turn within ${LONGEST_MS} ms`, () => {
    it('which is measured so that a longer task is seen', async () => {
      const page = await open();
      const { longestCpu } = await tasksDuring(page, () =>
        page.evaluate(async () => {
          await new Promise(requestAnimationFrame);
          let sum = 0;
          for (let i = 0; i < 3e8; i++) sum += Math.sqrt(i);
          return sum;
        }),
      );
      expect(longestCpu).toBeGreaterThan(LONGEST_MS);
      await page.close();
    });

    it.each([
      ['from the first frame on', []],
      [
        'with the largest network, as many epochs as fit in, and a change of it',
        ['#layers', '#units', '#speed'],
      ],
    ])('%s', async (_, sliders) => {
      const page = await open();
      const { longestCpu, count } = await tasksDuring(page, async () => {
        await page.click('#toggle');
        for (const slider of sliders) await page.press(slider, 'End');
        await frames(page, 120);
      });
      expect(await number(page, 'epoch')).toBeGreaterThan(60);
      expect(count).toBeGreaterThan(120);
      expect(longestCpu).toBeLessThanOrEqual(LONGEST_MS);
      await page.close();
    });
  });

  it('fits a phone, by touch', async () => {
    const page = await open({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
    for (const control of await page.locator('button, select, input').all()) {
      const { height, x, width } = (await control.boundingBox())!;
      expect(height).toBeGreaterThanOrEqual(32);
      expect(x).toBeGreaterThanOrEqual(0);
      expect(x + width).toBeLessThanOrEqual(360);
    }
    await page.tap('#toggle');
    await epochAfter(page, 5);
    await page.close();
  });

  it.each(['light', 'dark'] as const)('can be read in the %s scheme', async (colorScheme) => {
    const page = await open({ colorScheme });
    const colours = await page.evaluate(() => {
      const style = getComputedStyle(document.documentElement);
      const parts = (name: string): number[] => {
        const hex = style.getPropertyValue(name).trim();
        return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255);
      };
      const names = ['--page', '--card', '--ink', '--quiet', '--train', '--test', '--action', '--on-action'];
      return Object.fromEntries(names.map((name) => [name, parts(name)]));
    });
    const luminance = (name: string): number =>
      colours[name]
        .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
        .reduce((sum, part, i) => sum + part * [0.2126, 0.7152, 0.0722][i], 0);
    /** As the Web Content Accessibility Guidelines define it. */
    const contrast = (a: string, b: string): number => {
      const [light, dark] = [luminance(a), luminance(b)].toSorted((p, q) => q - p);
      return (light + 0.05) / (dark + 0.05);
    };
    expect(luminance('--page') > 0.5).toBe(colorScheme === 'light');
    for (const [text, ground] of [
      ['--ink', '--page'],
      ['--ink', '--card'],
      ['--quiet', '--page'],
      ['--quiet', '--card'],
      ['--on-action', '--action'],
    ])
      expect(contrast(text, ground), `${text} on ${ground}`).toBeGreaterThanOrEqual(4.5);
    for (const line of ['--train', '--test', '--action'])
      expect(contrast(line, '--card'), line).toBeGreaterThanOrEqual(3);
    await page.close();
  });

  it('draws little where less motion is asked for', async () => {
    const page = await open({ reducedMotion: 'reduce' });
    await page.evaluate(() => {
      const paint = CanvasRenderingContext2D.prototype;
      const { drawImage } = paint;
      Object.assign(window, { pictures: 0, began: performance.now() });
      paint.drawImage = function (this: CanvasRenderingContext2D, ...args: unknown[]) {
        (window as unknown as { pictures: number }).pictures++;
        Reflect.apply(drawImage, this, args);
      };
    });
    await page.click('#toggle');
    await epochAfter(page, 60);
    const { pictures, milliseconds } = await page.evaluate(() => {
      const { pictures, began } = window as unknown as { pictures: number; began: number };
      return { pictures, milliseconds: performance.now() - began };
    });
    expect(pictures).toBeLessThanOrEqual(2 + milliseconds / 500);
    await page.close();
  });

  it('says what is wrong where WebAssembly is missing', async () => {
    const page = await browser.newPage();
    await page.addInitScript(() => Reflect.deleteProperty(globalThis, 'WebAssembly'));
    await page.goto(demo.url);
    await page.waitForFunction(() => /cannot train/.test(document.querySelector('#status')!.textContent!));
    expect(await page.isDisabled('#toggle')).toBe(true);
    await page.close();
  });

  it('was isolated, and nothing was refused or thrown in any of these pages', async () => {
    const page = await open();
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    await page.close();
    expect(troubles).toEqual([]);
  });
});

describe('the page', () => {
  it.runIf(inChromium)('has a name for every control', async () => {
    const page = await open();
    for (const [role, names] of [
      ['button', ['Start', 'Reset']],
      ['slider', ['Learning rate', 'Hidden layers', 'Units in a layer', 'Epochs in a frame']],
      ['combobox', ['Activation']],
      ['img', [/two spirals/, /^Loss by epoch/]],
      ['status', ['']],
    ] as const) {
      for (const name of names)
        expect(await page.getByRole(role, name ? { name } : {}).count(), role).toBe(1);
    }
    expect(await page.locator('button, input, select').count()).toBe(7);
    await page.close();
  });

  it('holds no script, no style and nothing from elsewhere', () => {
    for (const file of ['.html', '.js', '.css'].flatMap((ending) => filesIn('examples/browser', ending))) {
      const text = readFileSync(`${root}/${file}`, 'utf8');
      expect(text, file).not.toMatch(
        /<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+="|https?:\/\/(?!www\.w3\.org)/,
      );
    }
  });
});

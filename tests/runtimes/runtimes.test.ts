import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Report } from '../conformance/suite.js';
import { BROWSERS, HOW_TO_GET, type Browser } from './browsers.js';
import { distanceOf, exact, expectConformance, weightsOf } from './conformance.js';
import { EDGE } from './edge.js';
import { RUN_LIMIT, START_LIMIT, within } from './limit.js';
import { PROGRAMS, runProcess, versionOf } from './processes.js';
import { PageServer, type Visit } from './server.js';
import { documentedRows, expectDocumented, rowOf } from './table.js';

// Runs tests/conformance on the packed package, in every runtime that docs/runtimes.md lists.

const app = inject('app');

/** Says what could not be run and why. Where CI is set, that is a failure. */
function notRun(name: string, why: string): void {
  if (process.env.CI) it(`is there`, () => expect.fail(`${name} was not run: ${why}`));
  else {
    console.warn(`${name} was not run: ${why}`);
    it.skip(`not run: ${why}`);
  }
}

describe.each([...PROGRAMS])('%s', (name, program) => {
  if (!program) return notRun(name, 'its package is not installed; `npm test` does that');
  const run = (build: 'strict' | 'auto', threads: number) => runProcess(program, app, { build, threads });

  it('gives the bits of every other runtime', async () => {
    const report = await run('strict', 1);
    expectConformance(report, 'strict');
    expect(report.runtimeInfo.threads).toBe(1);
  });

  it('gives them on two threads, and takes its fastest build by itself', async () => {
    const threaded = await run('strict', 2);
    expectConformance(threaded, 'strict');
    const byItself = await run('auto', 2);
    expectConformance(byItself, 'auto');
    expect(byItself.runtimeInfo.threads).toBe(2);
    // Another version of Node may run these tests than those that the page is about.
    if (documentedRows().some(([runtime]) => runtime === name)) {
      expectDocumented(rowOf(name, 'process', await versionOf(program), byItself, threaded));
    }
  });
});

interface Answer {
  readonly error?: string;
  readonly report: Report;
  readonly isolated: boolean;
  readonly page: boolean;
}

describe.each([...BROWSERS])('%s', (name, start) => {
  if (!start) return notRun(name, HOW_TO_GET[name]);
  let server: PageServer | undefined;
  let browser: Browser | undefined;
  beforeAll(async () => {
    server = await PageServer.start(app);
    browser = await start();
  }, START_LIMIT * 2);
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  }, START_LIMIT * 2);

  async function visit(what: Visit): Promise<Report> {
    const { url, result } = server!.expect(what);
    await browser!.goTo(url);
    const answer = (await within(RUN_LIMIT, url, result)) as Answer;
    expect(answer.error).toBeUndefined();
    expect(answer).toMatchObject({ isolated: what.isolated, page: what.where === 'page' });
    return answer.report;
  }

  it.each([
    { where: 'page', isolated: false },
    { where: 'page', isolated: true },
    { where: 'worker', isolated: false },
    { where: 'worker', isolated: true },
  ] as const)('$where, isolated: $isolated', async ({ where, isolated }) => {
    const threaded = await visit({ where, isolated, build: 'strict', threads: 2 });
    expectConformance(threaded, 'strict');
    const { threads, threadsReason } = threaded.runtimeInfo;
    if (!isolated) expect(threadsReason).toMatch(/not cross-origin isolated/);
    else if (threads === 1) expect(threadsReason).toBe('this host has no SharedArrayBuffer');
    const byItself = await visit({ where, isolated, build: 'auto', threads: 1 });
    expectConformance(byItself, 'auto');
    const place = isolated ? `${where}, isolated` : where;
    expectDocumented(rowOf(name, place, browser!.version, byItself, threaded));
  });
});

describe.each([...EDGE])('%s', (name, { version, run }) => {
  it('gives the bits of every other runtime, and takes its fastest build by itself', async () => {
    const strict = await run(app, { build: 'strict', threads: 2 });
    expectConformance(strict, 'strict');
    expect(strict.runtimeInfo.threadsReason).toBe('this host has no threads');
    const byItself = await run(app, { build: 'auto', threads: 1 });
    expectConformance(byItself, 'auto');
    expectDocumented(rowOf(name, 'edge function', version(), byItself, strict));
  });
});

describe('docs/runtimes.md', () => {
  it('lists what is run here, and nothing else', () => {
    const places = ['page', 'page, isolated', 'worker', 'worker, isolated'];
    const known = [
      ...['Node 20', 'Node 24', 'Deno', 'Bun'].map((name) => [name, 'process']),
      ...[...BROWSERS.keys()].flatMap((name) => places.map((place) => [name, place])),
      ...[...EDGE.keys()].map((name) => [name, 'edge function']),
    ];
    expect(documentedRows().map((row) => row.slice(0, 2))).toEqual(known);
  });
});

describe('the bound of the relaxed build', () => {
  it('says something, and holds for the strict build as well', async () => {
    const { weights, distance, way } = exact();
    const report = await runProcess([...PROGRAMS.values()][0]!, app, { build: 'strict', threads: 1 });
    const strict = distanceOf(weightsOf(report), weights);
    console.log(
      `training went ${way.toPrecision(3)}; bound ${distance.toPrecision(3)}, strict ${strict.toPrecision(3)}`,
    );
    expect(strict).toBeGreaterThan(0);
    expect(strict).toBeLessThanOrEqual(distance);
    expect(distance).toBeLessThan(way / 10);
  });
});

import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Report, SuiteOptions } from '../conformance/suite.js';
import { BROWSERS, type Browser } from './browsers.js';
import { distanceOf, exact, expectConformance, weightsOf } from './conformance.js';
import { startEdgeRuntime, startWorkerd, type EdgeFunction } from './edge.js';
import { RUN_LIMIT, START_LIMIT, within } from './limit.js';
import { PROGRAMS, runProcess, versionOf } from './processes.js';
import { PageServer, type Visit } from './server.js';

const app = inject('app');

/** Where nothing may be left out. */
const CI = Boolean(process.env.CI);

describe.each([...PROGRAMS])('%s', (name, program) => {
  it.skipIf(!program && !CI)('is there', () => expect(program, name).toBeDefined());
  it.runIf(program).each<SuiteOptions>([
    { build: 'strict', threads: 1 },
    { build: 'strict', threads: 2 },
    { build: 'auto', threads: 2 },
  ])('%o', async (options) => {
    const report = await runProcess(program!, app, options);
    console.log(name, await versionOf(program!), JSON.stringify(report.runtimeInfo));
    expectConformance(report, options);
    expect(report.runtimeInfo.threads).toBe(options.threads);
  });
});

describe.each([...BROWSERS])('%s', (name, start) => {
  let server: PageServer;
  let browser: Browser;
  beforeAll(async () => {
    if (!start) return;
    server = await PageServer.start(app);
    browser = await start();
  }, START_LIMIT);
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  }, START_LIMIT);
  it.skipIf(!start && !CI)('is there', () => expect(start, name).toBeDefined());
  const visits: Visit[] = (['page', 'worker'] as const).flatMap((where) =>
    [false, true].flatMap((isolated) => [
      { where, isolated, build: 'strict', threads: 2 },
      { where, isolated, build: 'auto', threads: 1 },
    ]),
  );
  it.runIf(start).each(visits)('%o', async (visit) => {
    const { url, result } = server.expect(visit);
    await browser.goTo(url);
    const answer = (await within(RUN_LIMIT, url, result)) as { error?: string; report?: Report };
    expect(answer.error).toBeUndefined();
    console.log(name, browser.version, visit.where, visit.isolated, JSON.stringify(answer.report!.runtimeInfo));
    expect(answer).toMatchObject({ isolated: visit.isolated, page: visit.where === 'page' });
    expectConformance(answer.report!, visit as unknown as SuiteOptions);
  });
});

describe.each([
  ['workerd', startWorkerd],
  ['edge-runtime', startEdgeRuntime],
])('%s', (name, start) => {
  it.each<SuiteOptions>([
    { build: 'strict', threads: 2 },
    { build: 'auto', threads: 1 },
  ])('%o', async (options) => {
    const edge = await start(app);
    try {
      const report = await edge.run(options);
      console.log(name, edge.version, JSON.stringify(report.runtimeInfo));
      expectConformance(report, options);
      expect(report.runtimeInfo.threads).toBe(1);
    } finally {
      await edge.close();
    }
  });
});

import { spawn, type ChildProcess } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { chromiumPath, launchChromium } from '../../scripts/chromium.mjs';
import { findProgram } from '../../scripts/findProgram.mjs';
import { START_LIMIT, within } from './limit.js';

/** A browser that goes where it is sent. */
export interface Browser {
  readonly version: string;
  goTo(url: string): Promise<void>;
  /** Ends its processes. */
  close(): Promise<void>;
}

const FIREFOX =
  process.env.FIREFOX ??
  findProgram('firefox-esr', 'firefox', '/Applications/Firefox.app/Contents/MacOS/firefox');
const WEBKIT = {
  driver: findProgram('WebKitWebDriver'),
  browser: findProgram(
    `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/webkit2gtk-4.1/MiniBrowser`,
  ),
  screen: findProgram('Xvfb'),
};

async function startChromium(): Promise<Browser> {
  const browser = await launchChromium({ timeout: START_LIMIT });
  return {
    version: browser.version(),
    async goTo(url) {
      // A page of its own each time, so that nothing of the last one goes on.
      for (const context of browser.contexts()) await context.close();
      await (await browser.newPage()).goto(url, { timeout: START_LIMIT });
    },
    close: () => browser.close(),
  };
}

/** Firefox over WebDriver BiDi: Playwright would want a build of its own. */
async function startFirefox(executablePath: string): Promise<Browser> {
  const { launch } = await import('puppeteer-core');
  const browser = await launch({ browser: 'firefox', executablePath, headless: true, timeout: START_LIMIT });
  return {
    version: (await browser.version()).replace(/^\w+\//, ''),
    async goTo(url) {
      const [...old] = await browser.pages();
      const page = await browser.newPage();
      for (const before of old) await before.close();
      await page.goto(url, { timeout: START_LIMIT });
    },
    close: () => browser.close(),
  };
}

/** A port that nobody uses at the moment. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** Ends a process and those that it started: it leads a group of its own. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  try {
    process.kill(-child.pid!, 'SIGTERM');
    await within(5000, 'ending', gone).catch(() => process.kill(-child.pid!, 'SIGKILL'));
  } catch {
    // It ended by itself meanwhile.
  }
}

/** WebKitGTK's MiniBrowser over plain WebDriver, on a screen in memory. */
async function startWebKit({
  driver,
  browser,
  screen,
}: Record<keyof typeof WEBKIT, string>): Promise<Browser> {
  const children: ChildProcess[] = [];
  // They lead groups of their own, which nobody ends where this process ends before its time.
  const atExit = (): void => {
    for (const { exitCode, signalCode, pid } of children) {
      if (exitCode === null && signalCode === null) process.kill(-pid!, 'SIGKILL');
    }
  };
  process.once('exit', atExit);
  const close = async (): Promise<void> => {
    for (const child of children.toReversed()) await end(child);
    process.off('exit', atExit);
  };
  try {
    const xvfb = spawn(screen, ['-displayfd', '3', '-screen', '0', '1024x768x24', '-nolisten', 'tcp'], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
      detached: true,
    });
    children.push(xvfb);
    const display = await within(
      START_LIMIT,
      'Xvfb',
      new Promise<string>((resolve, reject) => {
        xvfb.once('error', reject);
        xvfb.stdio[3]!.once('data', (data: Buffer) => resolve(`:${data.toString().trim()}`));
      }),
    );
    const port = await freePort();
    // Its sandbox needs privileges that containers do not give.
    const env = {
      ...process.env,
      DISPLAY: display,
      WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: '1',
      GDK_BACKEND: 'x11',
    };
    const webdriver = spawn(driver, [`--port=${port}`, '--host=127.0.0.1'], {
      stdio: 'ignore',
      detached: true,
      env,
    });
    children.push(webdriver);
    const failed = new Promise<never>((_, reject) => {
      webdriver.once('error', reject);
      webdriver.once('exit', (code) => reject(new Error(`WebKitWebDriver exited with code ${code}`)));
    });
    failed.catch(() => undefined);
    const ask = async (method: string, path: string, body?: unknown): Promise<Record<string, unknown>> => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, {
        method,
        body: body === undefined ? null : JSON.stringify(body),
        signal: AbortSignal.timeout(START_LIMIT),
      });
      const { value } = (await response.json()) as { value: Record<string, unknown> };
      if (!response.ok) throw new Error(`WebKitWebDriver: ${method} ${path}: ${JSON.stringify(value)}`);
      return value;
    };
    const began = Date.now();
    let ready = false;
    while (!ready && Date.now() - began < START_LIMIT) {
      ready = await Promise.race([
        failed,
        ask('GET', '/status').then(
          (status) => status.ready === true,
          () => false,
        ),
      ]);
      if (!ready) await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const { sessionId, capabilities } = await ask('POST', '/session', {
      capabilities: {
        alwaysMatch: { 'webkitgtk:browserOptions': { binary: browser, args: ['--automation'] } },
      },
    });
    return {
      version: String((capabilities as Record<string, unknown>).browserVersion),
      async goTo(url) {
        await ask('POST', `/session/${String(sessionId)}/url`, { url });
      },
      async close() {
        await ask('DELETE', `/session/${String(sessionId)}`).catch(() => undefined);
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** How each browser is started, or undefined where it is not installed. */
export const BROWSERS: ReadonlyMap<string, (() => Promise<Browser>) | undefined> = new Map([
  ['Chromium', chromiumPath ? startChromium : undefined],
  ['Firefox', FIREFOX ? () => startFirefox(FIREFOX) : undefined],
  [
    'WebKit',
    WEBKIT.driver && WEBKIT.browser && WEBKIT.screen
      ? () => startWebKit(WEBKIT as Record<keyof typeof WEBKIT, string>)
      : undefined,
  ],
]);

/** What to do where one is not found. */
export const HOW_TO_GET: Record<string, string> = {
  Chromium: 'no Chromium was found; `apt-get install chromium`, or name one in $CHROMIUM',
  Firefox: 'no Firefox was found; `apt-get install firefox-esr`, or name one in $FIREFOX',
  WebKit: 'no WebKitGTK was found; `apt-get install webkit2gtk-driver xvfb`',
};

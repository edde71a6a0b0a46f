import { chromium } from 'playwright-core';
import { findProgram } from './findProgram.mjs';

/** Where Chromium is: `$CHROMIUM`, or the first of its names in the path; undefined where there is none. */
export const chromiumPath =
  process.env.CHROMIUM ??
  findProgram(
    'chromium',
    'chromium-browser',
    'google-chrome',
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  );

/** Headless, and as root too, as in a container. */
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** @param {{ timeout?: number }} [options] in milliseconds */
export function launchChromium(options = {}) {
  if (!chromiumPath) throw new Error('no Chromium was found; install it, or name one in $CHROMIUM');
  return chromium.launch({ executablePath: chromiumPath, args: ARGUMENTS, ...options });
}

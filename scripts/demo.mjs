// Serves examples/browser on this machine only: `npm run demo`, or `npm run demo -- --port 8080`.
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import sirv from 'sirv';

/** The strictest policy that allows WebAssembly: no inline scripts or styles, no eval, nothing from elsewhere. */
const POLICY =
  "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; base-uri 'none'; form-action 'none'";

const HEADERS = {
  'Content-Security-Policy': POLICY,
  // With these two a page may share memory between threads.
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': 'no-store',
};

/** What is served of the project, below the paths that it has there: the page finds the built file by a relative one. */
const FOLDERS = ['/examples/browser/', '/dist/'];

/**
 * @param {number} [port] any free one without it
 * @returns the page's address, and how to end it
 */
export async function serveDemo(port = 0) {
  const files = new Map(
    FOLDERS.map((folder) => [
      folder,
      sirv(fileURLToPath(new URL(`..${folder}`, import.meta.url)), { dev: true }),
    ]),
  );
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    if (pathname === '/') return void response.writeHead(302, { Location: FOLDERS[0] }).end();
    const notFound = () => void response.writeHead(404, { 'Content-Type': 'text/plain' }).end('not found\n');
    const folder = FOLDERS.find((start) => pathname.startsWith(start));
    if (!folder) return notFound();
    request.url = pathname.slice(folder.length - 1);
    files.get(folder)?.(request, response, notFound);
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(undefined));
  });
  const { port: taken } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${taken}${FOLDERS[0]}`,
    /** @returns {Promise<void>} */
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { port: { type: 'string', default: '0' } } });
  const { url } = await serveDemo(Number(values.port));
  console.log(`Two spirals, trained in your browser: ${url}\nCtrl+C ends it.`);
}

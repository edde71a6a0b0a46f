import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.wasm': 'application/wasm',
};

/** No inline scripts, no eval, nothing from elsewhere: the strictest policy that lets WebAssembly compile. */
const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; base-uri 'none'";

const ISOLATION = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

/** What a page is to do. */
export interface Visit {
  readonly where: 'page' | 'worker';
  /** Served with the headers that make memory shareable. */
  readonly isolated: boolean;
  readonly build: string;
  readonly threads: number;
}

/** Serves a folder on this machine only, and takes what its pages send. */
export class PageServer {
  private readonly waiting = new Map<string, (message: unknown) => void>();
  private readonly server = createServer((request, response) => {
    this.answer(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
  });

  private constructor(private readonly folder: string) {}

  static async start(folder: string): Promise<PageServer> {
    const made = new PageServer(folder);
    await new Promise<void>((resolve, reject) => {
      made.server.once('error', reject);
      made.server.listen(0, '127.0.0.1', resolve);
    });
    return made;
  }

  /** An address for a browser, and what the page there will send. */
  expect({ isolated, ...query }: Visit): { url: string; result: Promise<unknown> } {
    const id = randomUUID();
    const result = new Promise((resolve) => this.waiting.set(id, resolve));
    const { port } = this.server.address() as AddressInfo;
    const search = new URLSearchParams({ ...query, threads: String(query.threads), id });
    return { url: `http://127.0.0.1:${port}/${isolated ? 'isolated' : 'plain'}/page.html?${search}`, result };
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url!, 'http://localhost');
    const [, mode, path] = /^\/(isolated|plain)\/(.+)$/.exec(pathname) ?? [];
    if (!path || path.includes('..')) return void response.writeHead(404).end();
    if (request.method === 'POST') {
      let text = '';
      for await (const chunk of request.setEncoding('utf8')) text += chunk;
      this.waiting.get(searchParams.get('id')!)?.(JSON.parse(text));
      return void response.writeHead(204).end();
    }
    const body = await readFile(join(this.folder, path)).catch(() => undefined);
    if (!body) return void response.writeHead(404).end();
    const headers = {
      'Content-Type': TYPES[extname(path)] ?? 'application/octet-stream',
      'Content-Security-Policy': POLICY,
      'Cache-Control': 'no-store',
      ...(mode === 'isolated' && ISOLATION),
    };
    response.writeHead(200, headers).end(body);
  }
}

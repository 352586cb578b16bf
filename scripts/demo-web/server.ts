/**
 * A server of the browser demo on 127.0.0.1: dist/web/ at its root and the two files of v86 that a
 * guest needs, with the headers that docs/BROWSER.md asks of whoever serves such a page.
 */
import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const WEB = join(ROOT, "dist", "web");
const V86 = join(dirname(createRequire(import.meta.url).resolve("v86/package.json")), "build");
const V86_FILES = ["libv86.mjs", "v86.wasm"];

const MIME: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".wasm": "application/wasm",
};

/** v86 compiles WebAssembly as it runs, and waits by a worker that it makes from a blob. */
const CONTENT_SECURITY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self' blob:",
  "connect-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": CONTENT_SECURITY,
  // Both together isolate the page, so that it may have a SharedArrayBuffer and fine timers.
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cross-origin-resource-policy": "same-origin",
  "x-content-type-options": "nosniff",
  "cache-control": "no-store",
};

export interface DemoServer {
  readonly origin: string;
  close(): Promise<void>;
}

/** @param port 0 takes a free one. */
export async function serveDemo(port = 0): Promise<DemoServer> {
  if (!existsSync(join(WEB, "index.html"))) {
    throw new Error(`${WEB} does not hold the demo: run npm run build first`);
  }
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://127.0.0.1");
    const path = pathname === "/" ? "/index.html" : pathname;
    const body = request.method === "GET" ? find(path) : undefined;
    const type = MIME[extname(path)];
    if (body === undefined || type === undefined) {
      response.writeHead(404, { ...HEADERS, "content-type": "text/plain" }).end("not found\n");
      return;
    }
    response.writeHead(200, { ...HEADERS, "content-type": type }).end(body);
  });
  await listen(server, port);
  const bound = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${bound.port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function find(path: string): Buffer | undefined {
  const name = V86_FILES.find((file) => path === `/v86/${file}`);
  if (name !== undefined) return readFileSync(join(V86, name));
  // As in docs/BROWSER.md, too. URL has taken out all ".." already; what is encoded is not decoded.
  const file = join(WEB, normalize(path.replace(/^\/precopy\//, "/")));
  return file.startsWith(WEB) && existsSync(file) ? readFileSync(file) : undefined;
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      resolve();
    });
  });
}

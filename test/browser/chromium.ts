/**
 * Headless Chromium and a server on 127.0.0.1 that gives it dist/ and a few pages. Chromium is
 * looked for in $CHROMIUM and the usual places; without it the tests are skipped with a word why,
 * but in CI they fail.
 */
import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { DIST } from "../package/places.js";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
export const BROWSER_FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const MIME: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/** Where Chromium is, or undefined. */
export function findChromium(): string | undefined {
  const asked = process.env.CHROMIUM;
  const places = asked === undefined ? PLACES : [asked];
  return places.find((path) => existsSync(path));
}

/** Why the browser tests cannot run; empty when they can, and in CI, where they have to. */
export function missingChromium(): string {
  if (findChromium() !== undefined || process.env.CI === "true") return "";
  const places = process.env.CHROMIUM ?? PLACES.join(", ");
  return `no Chromium at ${places}: install it, or set CHROMIUM to its path`;
}

/** A browser, and a server of `pages` (by path) and of dist/ under /dist/. */
export class BrowserBench {
  private constructor(
    readonly browser: Browser,
    private readonly server: Server,
    readonly origin: string,
  ) {}

  /** @param headers of every answer */
  static async start(
    pages: Readonly<Record<string, string | Buffer>>,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<BrowserBench> {
    const executablePath = findChromium();
    if (executablePath === undefined) {
      throw new Error("CI needs Chromium: apt-get install chromium, or set CHROMIUM to its path");
    }
    const server = serve(pages, headers);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const browser = await chromium.launch({ executablePath, args: BROWSER_FLAGS });
    return new BrowserBench(browser, server, `http://127.0.0.1:${port}`);
  }

  async stop(): Promise<void> {
    await this.browser.close();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

function serve(
  pages: Readonly<Record<string, string | Buffer>>,
  headers: Readonly<Record<string, string>>,
): Server {
  return createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://127.0.0.1");
    const body = pages[pathname] ?? built(pathname);
    if (body === undefined) {
      response.writeHead(404).end();
      return;
    }
    const type = MIME[extname(pathname)] ?? "text/html";
    response.writeHead(200, { ...headers, "content-type": type }).end(body);
  });
}

function built(pathname: string): Buffer | undefined {
  const inside = normalize(pathname).replace(/^\/dist\//, "");
  const file = join(DIST, inside);
  if (!pathname.startsWith("/dist/") || inside.startsWith("..") || !existsSync(file)) {
    return undefined;
  }
  return readFileSync(file);
}

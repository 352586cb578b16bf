/**
 * Headless Chromium on the demo's server, with a bare page that gives the tests `precopy/web`, so
 * that what is tested is served with the headers that a page needs.
 */
import type { Browser, BrowserContext, Page } from "playwright-core";
import { chromium } from "playwright-core";
import { type DemoServer, serveDemo } from "../../scripts/demo-web/server.js";
import { BROWSER_FLAGS, findChromium } from "./chromium.js";

/** What {@link openBare} leaves on the page, besides whatever a test puts there. */
export interface BareWindow {
  readonly web: typeof import("../../src/web/index.js");
}

export class LiveBench {
  private constructor(
    readonly browser: Browser,
    private readonly server: DemoServer,
  ) {}

  static async start(): Promise<LiveBench> {
    const executablePath = findChromium();
    if (executablePath === undefined) {
      throw new Error("CI needs Chromium: apt-get install chromium, or set CHROMIUM to its path");
    }
    const server = await serveDemo();
    const browser = await chromium.launch({ executablePath, args: [...BROWSER_FLAGS] });
    return new LiveBench(browser, server);
  }

  get origin(): string {
    return this.server.origin;
  }

  /** A page with nothing on it but the library; tabs of one context share their channels. */
  async openBare(context: BrowserContext): Promise<Page> {
    const page = await context.newPage();
    // A style sheet shown as text: of the origin, with its headers, and no script.
    await page.goto(`${this.origin}/demo.css`);
    // As text: the test runner would make a call of its own of the import.
    await page.evaluate('import("/index.js").then((web) => { window.web = web; })');
    return page;
  }

  async stop(): Promise<void> {
    await this.browser.close();
    await this.server.close();
  }
}

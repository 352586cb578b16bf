/**
 * The browser's transports in Chromium: a page and its worker, two tabs. The worker and the second
 * tab send back what they get.
 */
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BrowserBench, missingChromium } from "../../browser/chromium.js";

/** What the page offers the tests. */
interface Doors {
  openWorker(): void;
  killWorker(): void;
  callTab(): Promise<void>;
  /** Sends this many bytes, gets them back, and tells how many were wrong or missing. */
  echo(sizeBytes: number): Promise<number>;
  /** Ends in order; what the close handler was told. */
  close(): Promise<string>;
  /** What the close handler was told once the other end had gone. */
  ending(): Promise<string>;
}

const ROOM = fileURLToPath(new URL("../../../src/live/transport/", import.meta.url));

function bundle(): string {
  const names = ["message-port", "broadcast-channel"];
  const contents = names.map((name) => `export * from "./${name}.js";`).join("\n");
  const built = buildSync({
    stdin: { contents, resolveDir: ROOM, loader: "ts" },
    bundle: true,
    format: "esm",
    platform: "browser",
    write: false,
  });
  return built.outputFiles[0]?.text ?? "";
}

const ECHO = `const echo = (end) => end.onData((bytes) => { void end.write([bytes]); });`;
/** Four seconds: a worker that is slow to start on a loaded machine is not dead. */
const QUICK = `{ heartbeatMs: 50, silentBeatsMax: 80 }`;
const START_TIMEOUT_MS = 60_000;
const PAGES = {
  "/transport.js": bundle(),
  "/worker.js": `
    import { messagePortTransport } from "/transport.js";
    ${ECHO}
    echo(messagePortTransport(self));`,
  "/listener.html": `<!doctype html><title>listener</title><script type="module">
    import { listenBroadcast } from "/transport.js";
    ${ECHO}
    listenBroadcast({ name: "tabs", onTransport: echo });
    document.body.dataset.ready = "true";
  </script>`,
  "/index.html": `<!doctype html><title>caller</title><script type="module">
    import { connectBroadcast, messagePortTransport } from "/transport.js";
    let end, ending, worker;
    const use = (transport) => {
      end = transport;
      ending = new Promise((resolve) => end.onClose((error) => resolve(String(error?.message))));
    };
    window.openWorker = () => {
      worker = new Worker("/worker.js", { type: "module" });
      use(messagePortTransport(worker, ${QUICK}));
    };
    window.killWorker = () => worker.terminate();
    window.callTab = async () => use(await connectBroadcast({ name: "tabs", ...${QUICK} }));
    window.echo = async (sizeBytes) => {
      let back = 0, wrong = 0;
      const at = (i) => (Math.imul(i, 0x9e3779b1) >>> 13) & 255;
      const done = new Promise((resolve) => end.onData((bytes) => {
        for (const byte of bytes) if (byte !== at(back++)) wrong++;
        if (back >= sizeBytes) resolve();
      }));
      const part = new Uint8Array(100000);
      for (let from = 0; from < sizeBytes; from += part.length) {
        const size = Math.min(part.length, sizeBytes - from);
        for (let i = 0; i < size; i++) part[i] = at(from + i);
        await end.write([part.subarray(0, size)]);
      }
      await done;
      return wrong + back - sizeBytes;
    };
    window.close = async () => { await end.close(); return ending; };
    window.ending = () => ending;
    document.body.dataset.ready = "true";
  </script>`,
};

const missing = missingChromium();
if (missing !== "") console.warn(`test/live/transport/browser is skipped: ${missing}`);

describe.skipIf(missing !== "")("transports in Chromium", () => {
  let bench: BrowserBench;
  let page: Page;

  const open = async (path: string): Promise<Page> => {
    const opened = await context.newPage();
    await opened.goto(`${bench.origin}${path}`);
    await opened.waitForSelector("body[data-ready]", { state: "attached" });
    return opened;
  };
  let context: Awaited<ReturnType<BrowserBench["browser"]["newContext"]>>;

  beforeAll(async () => {
    bench = await BrowserBench.start(PAGES);
    context = await bench.browser.newContext();
    page = await open("/index.html");
  }, START_TIMEOUT_MS);
  afterAll(async () => {
    await bench?.stop();
  }, START_TIMEOUT_MS);

  const door = <Name extends keyof Doors>(name: Name, ...given: Parameters<Doors[Name]>) =>
    page.evaluate(
      ([called, args]) =>
        (window as unknown as Record<string, (...all: unknown[]) => unknown>)[called]?.(...args),
      [name, given] as const,
    );

  it("carry bytes between a page and its worker, and end in order", async () => {
    await door("openWorker");
    expect(await door("echo", 5_000_000)).toBe(0);
    expect(await door("close")).toBe("undefined");
  });

  it("notice a worker that is terminated", async () => {
    await door("openWorker");
    expect(await door("echo", 1000)).toBe(0);
    await door("killWorker");
    expect(await door("ending")).toContain("nothing was heard");
  });

  it("carry bytes between two tabs, end in order, and notice a tab that is closed", async () => {
    const tab = await open("/listener.html");
    await door("callTab");
    expect(await door("echo", 5_000_000)).toBe(0);
    expect(await door("close")).toBe("undefined");
    await door("callTab");
    expect(await door("echo", 1000)).toBe(0);
    await tab.close();
    expect(await door("ending")).toContain("nothing was heard");
  });
});

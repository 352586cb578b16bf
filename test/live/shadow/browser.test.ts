/**
 * Post-copy in Chromium, where threads may share memory (cross-origin isolation): the page has the
 * connection and may not block, its worker has the guest and does.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseTinyReports } from "../../../src/live/guests/tiny-reports.js";
import { BrowserBench, missingChromium } from "../../browser/chromium.js";

interface Moved {
  readonly outcome: string;
  readonly faults: number;
  readonly stallNs: number;
  readonly residualBytes: number;
  /** What the guest printed at both ends. */
  readonly text: string;
}

const START_TIMEOUT_MS = 60_000;
const ISOLATED = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

function bundle(): string {
  const sources = ["live-entry", "v86"].map((name) => `export * from "./${name}.js";`);
  const built = buildSync({
    stdin: {
      contents: sources.join("\n"),
      resolveDir: fileURLToPath(new URL("../../../src/", import.meta.url)),
      loader: "ts",
    },
    bundle: true,
    format: "esm",
    platform: "browser",
    write: false,
  });
  return built.outputFiles[0]?.text ?? "";
}

const GUESTS = `
  import { V86 } from "/libv86.mjs";
  import { V86Guest } from "/precopy.js";
  const makeGuest = async (options) => {
    const wasm = await (await fetch("/v86.wasm")).arrayBuffer();
    return V86Guest.create({ V86, wasm, memoryBytes: 16 * 2 ** 20, ...options });
  };`;

const WORKER = `${GUESTS}
  import { ShadowAgent } from "/precopy.js";
  onmessage = async ({ data: port }) => {
    const agent = new ShadowAgent(port, async () => {
      const guest = await makeGuest();
      guest.onSerial((byte) => postMessage(byte));
      return guest;
    });
    await agent.arrived;
  };
  postMessage("ready");`;

const PAGE = `<!doctype html><title>post-copy</title><script type="module">
  ${GUESTS}
  import { LiveMigration, LiveServer, memoryPair, ShadowMachine, tinyGuest, webCrypto }
    from "/precopy.js";
  let text = "";
  const hear = (byte) => { text += String.fromCharCode(byte); };
  const scans = () => Number(/scans=(\\d+) bad=\\d+\\n[^\\n]*$/.exec(text)?.[1] ?? 0);
  const until = async (done) => {
    while (!done()) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  window.move = async () => {
    const tiny = tinyGuest({ pages: 600, fillPages: 900, writesPerSec: 10000, scanEveryMs: 50 });
    const source = await makeGuest({ boot: { multiboot: tiny.image, cmdline: tiny.commandLine } });
    source.onSerial(hear);
    source.resume();
    await until(() => scans() >= 1);
    const worker = new Worker("/worker.js", { type: "module" });
    await new Promise((resolve) => { worker.onmessage = resolve; });
    worker.onmessage = ({ data }) => hear(data);
    const { port1, port2 } = new MessageChannel();
    worker.postMessage(port2, [port2]);
    const machine = new ShadowMachine(port1);
    const crypto = webCrypto;
    const server = new LiveServer({ crypto, createMachine: async () => machine });
    const migration = await LiveMigration.start({
      ...{ machine: source, crypto, strategy: "post-copy", bandwidthBytesPerSec: 25e6 },
      connect: async () => {
        const { a, b } = memoryPair();
        void server.accept(b);
        return a;
      },
    });
    const { outcome, bytes } = await migration.ended;
    const { faults, stallNs } = await machine.whole;
    const before = scans();
    await until(() => scans() >= before + 2);
    worker.terminate();
    return { outcome, faults, stallNs, residualBytes: bytes.residual, text };
  };
  document.body.dataset.ready = "true";
</script>`;

const missing = missingChromium();
if (missing !== "") console.warn(`test/live/shadow/browser is skipped: ${missing}`);

describe.skipIf(missing !== "")("post-copy in Chromium", () => {
  let bench: BrowserBench;
  beforeAll(async () => {
    const build = join(
      dirname(createRequire(import.meta.url).resolve("v86/package.json")),
      "build",
    );
    const pages = {
      "/index.html": PAGE,
      "/worker.js": WORKER,
      "/precopy.js": bundle(),
      "/libv86.mjs": readFileSync(join(build, "libv86.mjs")),
      "/v86.wasm": readFileSync(join(build, "v86.wasm")),
    };
    bench = await BrowserBench.start(pages, ISOLATED);
  }, START_TIMEOUT_MS);
  afterAll(async () => {
    await bench?.stop();
  }, START_TIMEOUT_MS);

  it("moves a guest from the page to its worker, which waits for its pages there", async () => {
    const page = await bench.browser.newPage();
    const failures: string[] = [];
    page.on("pageerror", (error) => failures.push(error.message));
    await page.goto(`${bench.origin}/index.html`);
    await page.waitForSelector("body[data-ready]", { state: "attached" });
    const moved = await page.evaluate(() =>
      (window as unknown as { move(): Promise<Moved> }).move(),
    );
    expect(failures).toEqual([]);
    expect(moved.outcome).toBe("target-runs");
    expect(moved.residualBytes).toBeGreaterThan(0);
    expect(moved.faults).toBeGreaterThan(0);
    expect(moved.stallNs).toBeGreaterThan(0);
    expect(parseTinyReports(moved.text)).toMatchObject({ sound: true, bad: 0, missing: [] });
  });
});

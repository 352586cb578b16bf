/** The built `precopy/v86` in a browser, on the page and in a worker: a guest runs, logs and moves. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writer } from "../live/v86/support.js";
import { BrowserBench, missingChromium } from "./chromium.js";

interface Moved {
  readonly tracking: string;
  readonly written: number;
  readonly equal: boolean;
  readonly digits: string;
  readonly digitsBefore: number;
}

/** Moves a guest that writes 128 pages from one machine to another in the same thread. */
const MOVE = `
  import { V86 } from "/libv86.mjs";
  import { Kernels, PageBitmap } from "/dist/kernels.js";
  import { V86Guest } from "/dist/v86.js";
  const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const runFor = async (guest, instructions) => {
    const until = guest.instructions() + instructions;
    guest.resume();
    while (guest.instructions() < until) await later(1);
    await guest.pause();
  };
  const move = async () => {
    const wasm = await (await fetch("/v86.wasm")).arrayBuffer();
    const multiboot = await (await fetch("/guest.bin")).arrayBuffer();
    const options = { V86, wasm, memoryBytes: 16 * 2 ** 20 };
    const source = await V86Guest.create({ ...options, boot: { multiboot } });
    const target = await V86Guest.create(options);
    let digits = "";
    for (const guest of [source, target]) {
      guest.onSerial((byte) => { digits += String.fromCharCode(byte); });
    }
    const kernels = await Kernels.load({ arenaBytes: 65536 });
    const dirty = PageBitmap.create(kernels, source.pages);
    await runFor(source, 1e6);
    source.enableLogDirty();
    await runFor(source, 1e6);
    const written = source.harvest("ram", dirty);
    const refusal = target.prepare(source.describe());
    if (refusal !== undefined) throw new Error(refusal);
    target.memory().set(source.memory());
    target.loadDeviceState(source.deviceState());
    const there = target.memory();
    const equal = source.memory().every((byte, i) => byte === there[i]);
    const digitsBefore = digits.length;
    await source.release();
    await runFor(target, 1e6);
    await target.destroy();
    return { tracking: source.tracking, written, equal, digits, digitsBefore };
  };
`;

function pages(): Record<string, string | Buffer> {
  const build = join(dirname(createRequire(import.meta.url).resolve("v86/package.json")), "build");
  return {
    "/index.html": `<!doctype html><title>v86</title><script type="module">
      ${MOVE}
      window.moveHere = move;
      window.moveInWorker = () => new Promise((resolve, reject) => {
        const worker = new Worker("/worker.js", { type: "module" });
        worker.onmessage = ({ data }) => data.error ? reject(new Error(data.error)) : resolve(data);
        worker.onerror = (event) => reject(new Error(event.message));
        worker.postMessage("go");
      });
      document.body.dataset.ready = "true";
    </script>`,
    "/worker.js": `${MOVE}
      onmessage = () => move().then(postMessage, (error) => postMessage({ error: String(error) }));`,
    "/libv86.mjs": readFileSync(join(build, "libv86.mjs")),
    "/v86.wasm": readFileSync(join(build, "v86.wasm")),
    "/guest.bin": Buffer.from(writer(0x40_0000, 0x48_0000, 0x20_0000)),
  };
}

const missing = missingChromium();
if (missing !== "") console.warn(`test/browser is skipped: ${missing}`);

describe.skipIf(missing !== "")("a v86 guest in Chromium", () => {
  let bench: BrowserBench;
  let page: Page;

  beforeAll(async () => {
    bench = await BrowserBench.start(pages());
    page = await bench.browser.newPage();
    await page.goto(`${bench.origin}/index.html`);
    await page.waitForSelector("body[data-ready]", { state: "attached" });
  });

  afterAll(async () => {
    await bench?.stop();
  });

  it.each(["moveHere", "moveInWorker"] as const)("runs, is logged and moves: %s", async (door) => {
    const moved = await page.evaluate(
      (name) => (window as unknown as Record<string, () => Promise<Moved>>)[name]?.(),
      door,
    );
    const { digits, digitsBefore, ...rest } = moved as Moved;
    expect(rest).toEqual({ tracking: "tlb", written: 129, equal: true });
    expect(digits.length).toBeGreaterThan(digitsBefore);
    // Every round sends one digit more than the last.
    for (let i = 0; i < digits.length; i++) expect(Number(digits[i])).toBe((i + 1) % 8);
  });
});

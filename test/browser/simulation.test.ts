/**
 * The built library in a browser: one seed gives the events there that it gives in Node, with and
 * without SIMD, on the page and in a worker.
 */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type SimulationResult, simulate } from "../../src/model/simulation.js";
import type { SimulationSpec } from "../../src/model/spec.js";
import { hotCold, small } from "../support/specs.js";
import { BrowserBench, missingChromium } from "./chromium.js";

interface Run {
  readonly spec: SimulationSpec;
  readonly simd: boolean;
}

/** What index.html and worker.js offer the tests. */
interface Doors {
  runHere(run: Run): Promise<SimulationResult>;
  runInWorker(run: Run): Promise<SimulationResult>;
  fetchedKernels(): Promise<{ simd: boolean; count: number }>;
}

const SIMULATE = `
  import { simulate } from "/dist/index.js";
  const run = ({ spec, simd }) => simulate(spec, { kernels: { simd } });
`;
const PAGES = {
  "/index.html": `<!doctype html><title>precopy</title><script type="module">
    ${SIMULATE}
    import { Kernels, PageBitmap } from "/dist/kernels.js";
    window.runHere = run;
    window.runInWorker = (message) => new Promise((resolve, reject) => {
      const worker = new Worker("/worker.js", { type: "module" });
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => reject(new Error(event.message));
      worker.postMessage(message);
    });
    window.fetchedKernels = async () => {
      const wasm = await (await fetch("/dist/kernels.wasm")).arrayBuffer();
      const kernels = await Kernels.load({ arenaBytes: 65536, wasm });
      const bitmap = PageBitmap.create(kernels, 1000);
      bitmap.setRange(10, 600);
      return { simd: kernels.simd, count: bitmap.count() };
    };
    document.body.dataset.ready = "true";
  </script>`,
  "/worker.js": `${SIMULATE}
    onmessage = async ({ data }) => postMessage(await run(data));`,
};

const pages = 8192;
const activity = hotCold(pages, 20_000);
const CASES = ["suspend", "pre-copy@xen", "pre-copy+wsclock", "pre-copy+lru-splay", "seed"];

const missing = missingChromium();
if (missing !== "") console.warn(`test/browser is skipped: ${missing}`);

describe.skipIf(missing !== "")("Chromium", () => {
  let bench: BrowserBench;
  let page: Page;
  const pageErrors: string[] = [];

  beforeAll(async () => {
    bench = await BrowserBench.start(PAGES);
    page = await bench.browser.newPage();
    page.on("pageerror", (error) => pageErrors.push(error.message));
    await page.goto(`${bench.origin}/index.html`);
    await page.waitForSelector("body[data-ready]", { state: "attached" });
  });

  afterAll(async () => {
    await bench?.stop();
  });

  it.each(CASES)("gives the events of Node: %s", async (strategy) => {
    const spec = small({ pages, activity, strategy, seed: 11 });
    const here = await simulate(spec);
    for (const simd of [true, false]) {
      const there = await runOn(page, "runHere", { spec, simd });
      expect(there.eventLogHash).toBe(here.eventLogHash);
      expect(there).toEqual(here);
    }
  });

  it("gives them in a worker", async () => {
    const spec = small({ pages, activity, strategy: "pre-copy+wsclock@xen2005", seed: 12 });
    const here = await simulate(spec);
    for (const simd of [true, false]) {
      expect(await runOn(page, "runInWorker", { spec, simd })).toEqual(here);
    }
  });

  it("runs on kernels that were fetched apart", async () => {
    const found = await page.evaluate(() => (globalThis as unknown as Doors).fetchedKernels());
    expect(found).toEqual({ simd: true, count: 600 });
  });

  it("has no errors on its page", () => {
    expect(pageErrors).toEqual([]);
  });
});

async function runOn(
  page: Page,
  door: "runHere" | "runInWorker",
  run: Run,
): Promise<SimulationResult> {
  return page.evaluate((call) => (globalThis as unknown as Doors)[call.door](call.run), {
    door,
    run,
  });
}

/**
 * A guest moves between two module workers of a page, over message ports: memory equal at the
 * switch, and the guest's own counter and checks without a flaw.
 */
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { missingChromium } from "./chromium.js";
import { LiveBench } from "./live-bench.js";
import { hop, installMachines, report } from "./live-machines.js";

const missing = missingChromium();
if (missing !== "") console.warn(`test/browser/live-workers is skipped: ${missing}`);

describe.skipIf(missing !== "")("two workers of a page", () => {
  let bench: LiveBench;
  let context: BrowserContext;
  let page: Page;
  const pageErrors: string[] = [];

  beforeAll(async () => {
    bench = await LiveBench.start();
  });

  afterAll(async () => {
    await bench?.stop();
  });

  beforeEach(async () => {
    context = await bench.browser.newContext();
    page = await bench.openBare(context);
    page.on("pageerror", (error) => pageErrors.push(error.message));
    await installMachines(page, ["a", "b"]);
    await page.evaluate(() => window.machines.join("a", "b"));
  });

  afterEach(async () => {
    await context.close();
    expect(pageErrors).toEqual([]);
  });

  it.each([
    "suspend",
    "pre-copy",
    "pre-copy+wsclock",
    "pre-copy+zero+xbzrle",
    "pre-copy+hash-dedup+deflate@qemu72",
    "seed",
  ])("moves a guest: %s", async (strategy) => {
    await page.evaluate(() => window.machines.boot("a", { pages: 500, writesPerSec: 2_000 }));
    await page.evaluate(() => window.machines.receive("b"));
    const { result, journey } = await hop(page, { from: "a", to: "b", strategy });
    report(`two workers, ${strategy}`, result);
    expect(result.outcome).toBe("target-runs");
    expect(result.verified).toMatchObject({
      eachPageEqualOnArrival: true,
      allMemoryEqualBeforeCommit: true,
    });
    expect(result.live.checkedPages).toBe(result.pagesSent);
    expect(journey).toMatchObject({ sound: true, starts: 1, missing: [], repeated: [], bad: 0 });
    expect(journey.countedHere).toBeGreaterThan(5);
    expect(await page.evaluate(() => window.machines.phases())).toEqual({
      a: "empty",
      b: "running",
    });
  });

  it("moves it there and back again, several times", async () => {
    await page.evaluate(() => window.machines.boot("a", { pattern: "zipf", writesPerSec: 2_000 }));
    await page.evaluate(() => window.machines.receive("a"));
    await page.evaluate(() => window.machines.receive("b"));
    for (let i = 0; i < 4; i++) {
      const [from, to] = i % 2 === 0 ? ["a", "b"] : ["b", "a"];
      const { result, journey } = await hop(page, { from, to, strategy: "pre-copy+zero" });
      expect(result.outcome).toBe("target-runs");
      expect(result.verified).toMatchObject({ allMemoryEqualBeforeCommit: true });
      expect(journey).toMatchObject({ sound: true, starts: 1, bad: 0 });
    }
  });
});

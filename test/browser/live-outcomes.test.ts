/**
 * What becomes of a guest in a page's worker when its move is cancelled, refused, or its target ends:
 * it goes on counting where it is.
 */
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { missingChromium } from "./chromium.js";
import { LiveBench } from "./live-bench.js";
import { cancelInRounds, hop, installMachines, secretOf } from "./live-machines.js";

const missing = missingChromium();
if (missing !== "") console.warn(`test/browser/live-outcomes is skipped: ${missing}`);

describe.skipIf(missing !== "")("a move between workers that fails", () => {
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

  it("goes on counting at the source when the move is cancelled in its rounds", async () => {
    await page.evaluate(() => window.machines.boot("a", {}));
    await page.evaluate(() => window.machines.receive("b"));
    const { outcome, stopReason, counted, sound } = await page.evaluate(cancelInRounds);
    expect({ outcome, stopReason, sound }).toEqual({
      outcome: "source-runs",
      stopReason: "cancelled",
      sound: true,
    });
    expect(counted).toBeGreaterThan(5);
    expect(await page.evaluate(() => window.machines.phases())).toEqual({
      a: "running",
      b: "empty",
    });
    // Nothing of the attempt is left over: the next one arrives.
    const { result, journey } = await hop(page, { from: "a", to: "b", strategy: "pre-copy" });
    expect(result.outcome).toBe("target-runs");
    expect(journey).toMatchObject({ sound: true, starts: 1, bad: 0 });
  });

  it("goes on at the source when the target's worker is ended in the rounds", async () => {
    await page.evaluate(() => window.machines.boot("a", {}));
    await page.evaluate(() => window.machines.receive("b"));
    const found = await page.evaluate(async () => {
      const moving = window.machines.migrate("a", { strategy: "pre-copy", ...window.slow });
      await window.machines.round("a", 1);
      window.machines.terminate("b");
      const { outcome, live } = await moving;
      const counted = await window.machines.count("a", 20);
      return { outcome, verified: live.verified, ...counted };
    });
    expect(found).toMatchObject({ outcome: "source-runs", verified: false, sound: true });
  });

  it("is refused with a wrong secret, and without one", async () => {
    await page.evaluate(() => window.machines.boot("a", {}));
    await page.evaluate((secret) => window.machines.receive("b", { secret }), secretOf(1));
    for (const secret of [secretOf(2), undefined]) {
      const { outcome, counted } = await page.evaluate(async (wrong) => {
        const options = { strategy: "pre-copy", ...(wrong && { secret: wrong }) };
        const result = await window.machines.migrate("a", options);
        return { outcome: result.outcome, counted: await window.machines.count("a", 5) };
      }, secret);
      expect(outcome).toBe("source-runs");
      expect(counted.sound).toBe(true);
    }
    expect(await page.evaluate(() => window.machines.refusals("b"))).toHaveLength(2);
    expect(await page.evaluate(() => window.machines.phases())).toEqual({
      a: "running",
      b: "empty",
    });
    const right = { from: "a", to: "b", strategy: "pre-copy", secret: secretOf(1) };
    expect((await hop(page, right)).result.outcome).toBe("target-runs");
  });

  it.each([
    ["pre-copy+nonsense", /nonsense/],
    ["post-copy", /cannot wait/],
    ["pre-copy+oracle", /no real machine can tell/],
  ])("says why %s does not begin, and the guest goes on", async (strategy, why) => {
    await page.evaluate(() => window.machines.boot("a", {}));
    await page.evaluate(() => window.machines.receive("b"));
    const said = await page.evaluate(
      (name) => window.machines.migrate("a", { strategy: name }).catch((error) => error.message),
      strategy,
    );
    expect(said).toMatch(why);
    expect(await page.evaluate(() => window.machines.count("a", 5))).toMatchObject({ sound: true });
  });
});

/**
 * A guest moves between two tabs of one browser, over a BroadcastChannel: there and
 * back, between clocks that began at different times; and it goes on where it was when the other tab is closed, knows another
 * secret, or is not there.
 */
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { parseTinyReports } from "../../src/live/guests/tiny-reports.js";
import { missingChromium } from "./chromium.js";
import { LiveBench } from "./live-bench.js";
import { installMachines, report, secretOf } from "./live-machines.js";

const missing = missingChromium();
if (missing !== "") console.warn(`test/browser/live-tabs is skipped: ${missing}`);

const CHANNEL = "there";
const BACK = "back";

describe.skipIf(missing !== "")("two tabs", () => {
  let bench: LiveBench;
  let context: BrowserContext;
  let first: Page;
  let second: Page;
  const pageErrors: string[] = [];

  beforeAll(async () => {
    bench = await LiveBench.start();
  });

  afterAll(async () => {
    await bench?.stop();
  });

  beforeEach(async () => {
    context = await bench.browser.newContext();
    context.on("weberror", (error) => pageErrors.push(error.error().message));
    first = await bench.openBare(context);
    await installMachines(first, ["here"]);
    await first.evaluate(() => window.machines.boot("here", {}));
    second = await bench.openBare(context);
    await installMachines(second, ["here"]);
  });

  afterEach(async () => {
    await context.close();
    expect(pageErrors).toEqual([]);
  });

  it.each(["pre-copy", "pre-copy+zero+xbzrle", "seed"])(
    "move a guest there and back: %s",
    async (strategy) => {
      const secret = secretOf(1);
      const listen = (page: Page, channel: string) =>
        page.evaluate((options) => window.machines.receive("here", options), { channel, secret });
      await listen(second, CHANNEL);
      await listen(first, BACK);
      let text = "";
      for (const [from, to, channel] of [
        [first, second, CHANNEL],
        [second, first, BACK],
      ] as const) {
        await from.evaluate(() => window.machines.count("here", 5));
        const result = await from.evaluate((o) => window.machines.migrate("here", o), {
          ...{ strategy, channel, secret, verify: true },
        });
        report(`two tabs, ${strategy}`, result);
        expect(result.outcome).toBe("target-runs");
        expect(result.verified).toMatchObject({ allMemoryEqualBeforeCommit: true });
        await to.evaluate(() => window.machines.running("here"));
        await to.evaluate(() => window.machines.count("here", 20));
        text += await from.evaluate(() => window.machines.lastStay("here"));
      }
      text += await first.evaluate(() => window.machines.lastStay("here"));
      const journey = parseTinyReports(text);
      expect(journey).toMatchObject({ sound: true, starts: 1, missing: [], repeated: [], bad: 0 });
    },
  );

  it("leave the guest where it is when the other is closed in the rounds", async () => {
    await second.evaluate((channel) => window.machines.receive("here", { channel }), CHANNEL);
    const moving = first.evaluate(
      (channel) =>
        window.machines.migrate("here", { strategy: "pre-copy", channel, ...window.slow }),
      CHANNEL,
    );
    await first.evaluate(() => window.machines.round("here", 1));
    await second.close();
    const { outcome } = await moving;
    expect(outcome).toBe("source-runs");
    expect(await first.evaluate(() => window.machines.count("here", 10))).toMatchObject({
      sound: true,
    });
  });

  it("do not let in who does not know the secret", async () => {
    const [right, wrong] = [secretOf(1), secretOf(2)];
    await second.evaluate((options) => window.machines.receive("here", options), {
      ...{ channel: CHANNEL, secret: right },
    });
    const options = { strategy: "pre-copy", channel: CHANNEL, secret: wrong };
    const { outcome } = await first.evaluate((o) => window.machines.migrate("here", o), options);
    expect(outcome).toBe("source-runs");
    expect(await second.evaluate(() => window.machines.refusals("here"))).toHaveLength(1);
    expect(await second.evaluate(() => window.machines.phases())).toEqual({ here: "empty" });
    expect(await first.evaluate(() => window.machines.count("here", 5))).toMatchObject({
      sound: true,
    });
  });

  it("say so when nobody listens", async () => {
    const said = await first.evaluate(() =>
      window.machines
        .migrate("here", { strategy: "pre-copy", channel: "nobody", callMs: 300 })
        .catch((error) => error.message),
    );
    expect(said).toMatch(/nobody answered on the broadcast channel "nobody" within 300 ms/);
    expect(await first.evaluate(() => window.machines.count("here", 5))).toMatchObject({
      sound: true,
    });
  });
});

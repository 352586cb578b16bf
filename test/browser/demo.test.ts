/**
 * The demo's page as a visitor uses it: start, migrate to the other worker, to another tab and back,
 * cancel, and a strategy that there is not; with the headers that it is served with.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ROOT } from "../package/places.js";
import { missingChromium } from "./chromium.js";
import { LiveBench } from "./live-bench.js";

const missing = missingChromium();
if (missing !== "") console.warn(`test/browser/demo is skipped: ${missing}`);

describe.skipIf(missing !== "")("the demo", () => {
  let bench: LiveBench;
  let context: BrowserContext;
  let page: Page;
  const complaints: string[] = [];

  beforeAll(async () => {
    bench = await LiveBench.start();
  });

  afterAll(async () => {
    await bench?.stop();
  });

  beforeEach(async () => {
    context = await bench.browser.newContext();
    context.on("weberror", (error) => complaints.push(error.error().message));
    // What a policy forbids is told on the console.
    context.on("console", (said) => {
      if (said.type() === "error") complaints.push(said.text());
    });
    page = await context.newPage();
    await page.goto(bench.origin);
    await page.getByText("Ready.").waitFor();
    await page.getByRole("combobox", { name: "Memory" }).fill("16MiB");
    await page.getByLabel("in pages").fill("500");
    await page.getByLabel("Bandwidth").fill("200Mbit/s");
  });

  afterEach(async () => {
    await context.close();
    expect(complaints).toEqual([]);
  });

  it("is isolated, and moves a guest to the other worker, to a tab and back", async () => {
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    await page.getByRole("button", { name: "Start the guest" }).click();
    await counts(page, "Worker A", 1);
    await page.getByRole("button", { name: "Migrate to Worker B" }).click();
    await page.getByText(/^Moved: it was down for/).waitFor();
    const there = await counts(page, "Worker B", 1);
    expect(await page.locator("#rounds tbody tr").count()).toBeGreaterThan(0);
    expect(await page.locator("#outcome").innerText()).toMatch(/All memory equal\s+yes/);
    const [tab] = await Promise.all([
      context.waitForEvent("page"),
      page.getByRole("link", { name: "Open another tab" }).click(),
    ]);
    await tab.getByText("Waits for a guest").waitFor();
    await page.getByRole("button", { name: "Migrate to the other tab" }).click();
    const away = await counts(tab, "This tab", there);
    await tab.getByRole("button", { name: "Migrate to the other tab" }).click();
    await tab.getByText(/^Moved/).waitFor();
    await counts(page, "Worker A", away);
    expect(await page.locator("#error").isHidden()).toBe(true);
  });

  it("cancels, and says what is wrong with a strategy and a field where one looks", async () => {
    await page.getByRole("button", { name: "Start the guest" }).click();
    await counts(page, "Worker A", 1);
    const migrate = page.getByRole("button", { name: "Migrate to Worker B" });
    const strategy = page.getByLabel("Strategy");
    await strategy.fill("pre-copy+nonsense");
    await migrate.click();
    await page.getByRole("alert").getByText('no technique "nonsense"').waitFor();
    await strategy.fill("pre-copy");
    await page.getByLabel("Bandwidth").fill("fast");
    await migrate.click();
    await page.getByRole("alert").getByText('"fast" is not a rate').waitFor();
    expect(await page.getByLabel("Bandwidth").getAttribute("aria-invalid")).toBe("true");
    await page.getByLabel("Bandwidth").fill("20Mbit/s");
    await migrate.click();
    await page.getByText("Round 1.").waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    await page
      .getByText("Not moved (cancelled); the guest runs on where it was.")
      .first()
      .waitFor();
    await counts(page, "Worker A", 10);
  });

  it("is embedded by the lines of docs/BROWSER.md", async () => {
    const text = readFileSync(join(ROOT, "docs", "BROWSER.md"), "utf8");
    const [, body] = /```js\n([^`]*(?:`[^`]+`[^`]*)*?)```/.exec(text) ?? [];
    expect(body).toContain("GuestWorker");
    await context.route("**/embed.js", (route) =>
      route.fulfill({ contentType: "text/javascript", ...(body !== undefined && { body }) }),
    );
    const bare = await bench.openBare(context);
    await bare.evaluate('import("/embed.js").then(() => undefined)');
    expect(await bare.locator("body").innerText()).toMatch(/target-runs, down \d+(\.\d+)? ms/);
  });
});

/** Waits until the guest there has counted past a number; gives how far it came. */
async function counts(page: Page, machine: string, past: number): Promise<number> {
  const pane = page.getByRole("article", { name: machine });
  await pane.getByText("No count was missed or repeated").waitFor();
  const counter = pane.getByLabel("Counter");
  for (;;) {
    const now = Number((await counter.innerText()).replaceAll(",", ""));
    if (now > past) return now;
    await page.waitForTimeout(50);
  }
}

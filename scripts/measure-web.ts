/**
 * Measures moves in headless Chromium for docs/BROWSER.md: a tiny guest goes to and fro between two
 * workers, or two tabs, and medians are printed as a table. Chromium is found in $CHROMIUM or at
 * /usr/bin/chromium; the number of moves is the first argument, or 20.
 */
import { type Browser, chromium, type Page } from "playwright-core";
import type { LiveResult } from "../src/live/live-result.js";
import { serveDemo } from "./demo-web/server.js";

interface Row {
  readonly what: string;
  readonly tabs: boolean;
  readonly guest: Readonly<Record<string, unknown>>;
  readonly move: Readonly<Record<string, unknown>>;
}

const MEMORY_BYTES = 128 * 2 ** 20;
const IDLE = { memoryBytes: MEMORY_BYTES, pattern: "idle" };
const BUSY = { memoryBytes: MEMORY_BYTES, pattern: "uniform", pages: 2_000, writesPerSec: 3_000 };
const MBIT_200 = 25e6;

const ROWS: readonly Row[] = [
  { what: "workers, idle, unlimited", tabs: false, guest: IDLE, move: {} },
  {
    ...{ what: "workers, busy, 200 Mbit/s", tabs: false, guest: BUSY },
    move: { bandwidthBytesPerSec: MBIT_200 },
  },
  { what: "tabs, idle, unlimited", tabs: true, guest: IDLE, move: {} },
  {
    ...{ what: "tabs, busy, 200 Mbit/s", tabs: true, guest: BUSY },
    move: { bandwidthBytesPerSec: MBIT_200 },
  },
];

const moves = Number(process.argv[2] ?? 20);
const server = await serveDemo();
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
try {
  console.log(`Chromium ${browser.version()}, medians of ${moves} moves, 128 MiB, pre-copy+zero\n`);
  console.log(
    "| guest and link | rounds | pages sent | total | downtime | longest | guest share |",
  );
  console.log("|---|---|---|---|---|---|---|");
  for (const row of ROWS) console.log(lineOf(row.what, await measure(browser, row)));
} finally {
  await browser.close();
  await server.close();
}

/** Moves to and fro; each end calls on the other's channel, or on the line between the workers. */
async function measure(from: Browser, { tabs, guest, move }: Row): Promise<LiveResult[]> {
  const context = await from.newContext();
  const pages = [await openPage(() => context.newPage())];
  if (tabs) pages.push(await openPage(() => context.newPage()));
  const at = (end: number) => ({ page: pages[tabs ? end : 0] as Page, name: `end${end}` });
  for (const end of [0, 1]) {
    const { page, name } = at(end);
    await page.evaluate(`openEnd(${JSON.stringify(name)})`);
  }
  if (!tabs) await at(0).page.evaluate("GuestWorker.join(ends.end0, ends.end1)");
  for (const end of [0, 1]) {
    const { page, name } = at(end);
    await page.evaluate(`ends.${name}.receive({ channel: "${name}" })`);
  }
  await at(0).page.evaluate(`ends.end0.boot(${JSON.stringify(guest)})`);
  const results: LiveResult[] = [];
  for (let i = 0; i < moves; i++) {
    const { page, name } = at(i % 2);
    await page.waitForTimeout(500);
    const channel = tabs ? { channel: `end${(i + 1) % 2}` } : {};
    const wishes = { strategy: "pre-copy+zero", ...move, ...channel };
    const result = (await page.evaluate(
      `ends.${name}.migrate(${JSON.stringify(wishes)})`,
    )) as LiveResult;
    if (result.outcome !== "target-runs")
      throw new Error(`${result.outcome}: ${result.stopReason}`);
    results.push(result);
  }
  await context.close();
  return results;
}

async function openPage(make: () => Promise<Page>): Promise<Page> {
  const page = await make();
  // A style sheet shown as text: of the origin, with its headers, and no script.
  await page.goto(`${server.origin}/demo.css`);
  await page.evaluate(`import("/index.js").then(({ GuestWorker }) => {
    const v86 = { module: "/v86/libv86.mjs", wasm: "/v86/v86.wasm" };
    window.ends = {};
    window.GuestWorker = GuestWorker;
    window.openEnd = async (name) => {
      ends[name] = await GuestWorker.open({ worker: "/worker.js", v86 });
    };
  })`);
  return page;
}

function lineOf(what: string, results: readonly LiveResult[]): string {
  const of = (pick: (result: LiveResult) => number) => {
    const sorted = results.map(pick).sort((a, b) => a - b);
    return { median: sorted[sorted.length >> 1] as number, most: sorted.at(-1) as number };
  };
  const ms = (ns: number) => `${(ns / 1e6).toFixed(1)} ms`;
  const downtime = of(({ downtimeNs }) => downtimeNs);
  const cells = [
    what,
    of(({ rounds }) => rounds.length).median,
    of(({ pagesSent }) => pagesSent).median,
    `${(of(({ totalNs }) => totalNs).median / 1e9).toFixed(2)} s`,
    ms(downtime.median),
    ms(downtime.most),
    `${Math.round(of(({ live }) => live.guestShare).median * 100)} %`,
  ];
  return `| ${cells.join(" | ")} |`;
}

/**
 * Moves real guests between two processes and the recordings of the same guests in the model, and
 * writes both side by side into docs/LIVE-VALIDATION.md between its marks.
 *
 *     npm run validate:live              everything (about 20 minutes)
 *     npm run validate:live -- tables    only the tables, from what was measured last
 *     npm run validate:live -- model     the recordings and the model anew, live runs as they were
 *     npm run validate:live -- tiny, -- linux, -- zipf    only these guests, the others as they were
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { between } from "./judge.js";
import {
  type Family,
  hasLinux,
  type Kept,
  keep,
  LINKS,
  LINUX,
  TINY,
} from "./validate-live/guests.js";
import { type Cell, readFound, tablesOf, writeFound } from "./validate-live/page.js";
import {
  type LiveRun,
  liveFigures,
  liveRun,
  type Measured,
  measuredOn,
  median,
  modelRun,
  record,
} from "./validate-live/runs.js";

const PAGE = "docs/LIVE-VALIDATION.md";
const RUNS = 5;
const WARM_UPS = 3;

const STRATEGIES: Readonly<Record<Family, readonly string[]>> = {
  tiny: ["pre-copy", "pre-copy+zero", "pre-copy+wsclock", "seed"],
  linux: ["pre-copy+zero", "pre-copy+wsclock+zero"],
};

/** What is measured anew; the rest stays as it was kept. */
interface Anew {
  /** Guests, or kinds of them; none: all. */
  readonly names: readonly string[];
  /** The live runs, too, or only the recordings and the model's runs. */
  readonly live: boolean;
}

async function measure({ names, live }: Anew): Promise<void> {
  const target = fork(fileURLToPath(new URL("validate-live/target.ts", import.meta.url)));
  const [port] = (await once(target, "message")) as [number];
  const measured = new Map<string, Measured>(live ? [] : Object.entries(readFound().costs));
  try {
    const guests = [...TINY, ...((await hasLinux()) ? LINUX : [])].filter(
      ({ family, name }) => names.length === 0 || names.includes(family) || names.includes(name),
    );
    for (const workload of guests) {
      const kept = await keep(workload);
      const recording = await record(kept);
      const cells: Cell[] = [];
      for (const link of LINKS) {
        const key = `${workload.family} ${link.name}`;
        const costs = measured.get(key) ?? (await measureCosts(workload.family, link, port));
        measured.set(key, costs);
        for (const strategy of STRATEGIES[workload.family]) {
          const before = live ? undefined : keptRuns(workload.name, link.name, strategy);
          if (before === undefined && !live) continue;
          const run = { strategy, bytesPerSec: link.bytesPerSec };
          const moves = before ?? (await times(RUNS, () => move(kept, { ...run, port })));
          const model = await times(RUNS, (seed) =>
            modelRun(recording, { ...run, measured: costs, seed }),
          );
          const use = Math.min(1, median(moves.map(({ linkUse }) => linkUse)) / 100);
          const slower = { ...run, bytesPerSec: link.bytesPerSec * use };
          const atItsRate = await times(RUNS, (seed) =>
            modelRun(recording, { ...slower, measured: costs, seed }),
          );
          const { family, name } = workload;
          cells.push({
            ...{ workload: name, family, link: link.name, strategy },
            ...{ live: moves, model, atItsRate },
          });
          process.stderr.write(`${name}, ${link.name}, ${strategy}\n`);
        }
      }
      save(workload.name, cells, measured);
    }
  } finally {
    target.disconnect();
  }
}

const move = async (kept: Kept, run: LiveRun) => liveFigures(await liveRun(kept, run));

function keptRuns(name: string, ofLink: string, ofStrategy: string): Cell["live"] | undefined {
  return readFound().cells.find(
    ({ workload, link, strategy }) =>
      workload === name && link === ofLink && strategy === ofStrategy,
  )?.live;
}

/** What was measured before of other guests stays. */
function save(name: string, cells: readonly Cell[], measured: ReadonlyMap<string, Measured>): void {
  const before = readFound();
  const others = before.cells.filter(({ workload }) => workload !== name);
  writeFound({
    cells: [...others, ...cells],
    costs: { ...before.costs, ...Object.fromEntries(measured) },
  });
}

let idle: Partial<Record<Family, Kept>> = {};

/** On a guest that sleeps; these moves are in no table. */
async function measureCosts(
  family: Family,
  { bytesPerSec }: (typeof LINKS)[number],
  port: number,
): Promise<Measured> {
  const [asleep] = family === "tiny" ? TINY : LINUX;
  if (asleep === undefined) throw new Error(`there is no ${family} guest that sleeps`);
  idle = { ...idle, [family]: idle[family] ?? (await keep(asleep)) };
  const kept = idle[family] as Kept;
  const asleepMoves = () => liveRun(kept, { strategy: "pre-copy", bytesPerSec, port });
  // Code of both processes is cold in their first moves.
  await times(WARM_UPS, asleepMoves);
  return measuredOn(await times(RUNS, asleepMoves), bytesPerSec);
}

async function times<T>(count: number, run: (seed: number) => Promise<T>): Promise<T[]> {
  const all: T[] = [];
  for (let i = 1; i <= count; i++) all.push(await run(i));
  return all;
}

function writeTables(): void {
  let page = readFileSync(PAGE, "utf8");
  for (const [mark, table] of tablesOf(readFound())) page = between(page, mark, table);
  writeFileSync(PAGE, page);
}

const names = process.argv.slice(2);
if (names[0] === "model") await measure({ names: names.slice(1), live: false });
else if (names[0] !== "tables") await measure({ names, live: true });
writeTables();
process.exit(0);

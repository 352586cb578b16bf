/**
 * Writes docs/RESULTS.md: every shipped recording, moved by every predictor and by `seed`, at
 * three bandwidths, against `pre-copy@xen` and against the floor of the class.
 *
 *     npm run results
 */
import { writeFileSync } from "node:fs";
import { floorOfMigration } from "../src/model/floor.js";
import type { MigrationResult } from "../src/model/migration-result.js";
import { simulate } from "../src/model/simulation.js";
import { LIVE_XEN_GUESTS, LIVE_XEN_WSCLOCK, moveLiveXen } from "../test/support/live-xen.js";
import { BANDWIDTHS, RECORDINGS, specFor } from "./recordings.js";

const SECOND_NS = 1e9;
const SEEDS = [1, 2, 3];
const BASELINE = "pre-copy@xen";
const WSCLOCK = "pre-copy+wsclock@xen";
const UNCAPPED = `${WSCLOCK} limit 5 s`;
const STRATEGIES = [
  "suspend",
  BASELINE,
  "pre-copy@xen-skip",
  "pre-copy@xen2005",
  "pre-copy+recency@xen",
  "pre-copy+lru-splay@xen",
  "pre-copy+clock@xen",
  WSCLOCK,
  "pre-copy+wsclock:warmup=0@xen",
  "pre-copy:flush+wsclock@xen",
  UNCAPPED,
  "pre-copy+exact-ws@xen",
  "pre-copy+oracle@xen",
  "seed",
];
/** A row can ask for another downtime limit than everybody's 300 ms. */
const UNCAPPED_LIMIT_NS = 5e9;
/** Zaw & Thein, IJCST 3(3), 2012: against Xen's default pre-copy, on average. */
const ZAW_THEIN = { bytes: -0.2367, total: -0.1145 };

/** Means over the seeds. */
interface Cell {
  readonly strategy: string;
  readonly bytes: number;
  readonly totalNs: number;
  readonly downtimeNs: number;
  readonly slowdown: number;
  readonly rounds: number;
  readonly heldPages: number;
  readonly resentShare: number;
}

interface Table {
  readonly recording: string;
  readonly bandwidth: string;
  readonly floorNs: number;
  readonly cells: readonly Cell[];
}

async function measure(): Promise<Table[]> {
  const tables: Table[] = [];
  for (const recording of RECORDINGS) {
    const trace = await recording.load();
    for (const bandwidth of BANDWIDTHS) {
      const { bytesPerSec } = bandwidth;
      const cells: Cell[] = [];
      for (const strategy of STRATEGIES) {
        const runs: MigrationResult[] = [];
        for (const seed of SEEDS) {
          const spec = specFor({ trace, bytesPerSec, seed, ...asRun(strategy) });
          runs.push((await simulate(spec)).migrations[0] as MigrationResult);
        }
        cells.push(meanOf(strategy, runs));
      }
      const seed = SEEDS[0] as number;
      const spec = specFor({ trace, bytesPerSec, seed, strategy: BASELINE });
      const floor = await floorOfMigration(spec, 0);
      const table = { recording: recording.name, bandwidth: bandwidth.name, cells };
      tables.push({ ...table, floorNs: floor.migrationTotalNs });
      process.stderr.write(`${recording.name}, ${bandwidth.name}\n`);
    }
  }
  return tables;
}

function asRun(strategy: string): { strategy: string; downtimeLimitNs?: number } {
  if (strategy !== UNCAPPED) return { strategy };
  return { strategy: WSCLOCK, downtimeLimitNs: UNCAPPED_LIMIT_NS };
}

function meanOf(strategy: string, runs: readonly MigrationResult[]): Cell {
  const mean = (value: (run: MigrationResult) => number) =>
    runs.reduce((sum, run) => sum + value(run), 0) / runs.length;
  return {
    strategy,
    bytes: mean((run) => run.bytesSent),
    totalNs: mean((run) => run.totalNs),
    downtimeNs: mean((run) => run.downtimeNs),
    slowdown: mean((run) => run.guestSlowdown),
    rounds: mean((run) => run.rounds.length),
    heldPages: mean((run) => run.heldPages),
    resentShare: mean((run) => (run.pagesSent - run.pages) / run.pagesSent),
  };
}

const baselineOf = (table: Table): Cell =>
  table.cells.find((cell) => cell.strategy === BASELINE) as Cell;

const change = (value: number, base: number): number => value / base - 1;

function percent(value: number, digits = 1): string {
  const text = (value * 100).toFixed(digits);
  const sign = value > 0 ? "+" : "";
  return Number(text) === 0 ? "0" : `${sign}${text.replace("-", "−")}`;
}

const seconds = (ns: number): string => (ns / SECOND_NS).toFixed(3);
const millis = (ns: number): string => (ns / 1e6).toFixed(1);

/** Mean change against the baseline over all recordings, one row a strategy and bandwidth. */
function overview(tables: readonly Table[]): string {
  const rows: string[] = [
    "| strategy | bandwidth | bytes % | total % | downtime, ms | slowdown % | above the floor % |",
    "|---|---|--:|--:|--:|--:|--:|",
  ];
  for (const strategy of STRATEGIES) {
    for (const { name } of BANDWIDTHS) {
      const pairs = tables
        .filter((table) => table.bandwidth === name)
        .map((table) => ({
          base: baselineOf(table),
          floorNs: table.floorNs,
          cell: table.cells.find((cell) => cell.strategy === strategy) as Cell,
        }));
      const mean = (value: (pair: (typeof pairs)[number]) => number) =>
        pairs.reduce((sum, pair) => sum + value(pair), 0) / pairs.length;
      const feasible = pairs.filter((pair) => Number.isFinite(pair.floorNs));
      const above = feasible.reduce((sum, p) => sum + change(p.cell.totalNs, p.floorNs), 0);
      rows.push(
        `| \`${strategy}\` | ${name} | ${percent(mean((p) => change(p.cell.bytes, p.base.bytes)))} | ${percent(mean((p) => change(p.cell.totalNs, p.base.totalNs)))} | ${millis(mean((p) => p.cell.downtimeNs))} | ${(mean((p) => p.cell.slowdown) * 100).toFixed(2)} | ${percent(above / feasible.length)} |`,
      );
    }
  }
  return rows.join("\n");
}

/** Where WSClock reaches Zaw & Thein's averages, and how far it could have gone at the most. */
function zawThein(tables: readonly Table[]): string {
  const variants = [WSCLOCK, "pre-copy+wsclock:warmup=0@xen", UNCAPPED];
  const rows = [
    `| recording | bandwidth | sent again, % | ${variants.map((v) => `\`${v.replace("pre-copy+", "").replace("@xen", "")}\`: bytes %, total %`).join(" | ")} |`,
    "|---|---|--:|--:|--:|--:|",
  ];
  const reached = new Map(variants.map((variant) => [variant, 0]));
  for (const table of tables) {
    const base = baselineOf(table);
    const cells = variants.map((variant) => {
      const cell = table.cells.find((c) => c.strategy === variant) as Cell;
      const bytes = change(cell.bytes, base.bytes);
      const total = change(cell.totalNs, base.totalNs);
      const both = bytes <= ZAW_THEIN.bytes && total <= ZAW_THEIN.total;
      if (both) reached.set(variant, (reached.get(variant) as number) + 1);
      const text = `${percent(bytes)}, ${percent(total)}`;
      return both ? `**${text}**` : text;
    });
    rows.push(
      `| ${table.recording} | ${table.bandwidth} | ${(base.resentShare * 100).toFixed(1)} | ${cells.join(" | ")} |`,
    );
  }
  const counts = variants.map(
    (variant) => `\`${variant}\` in ${reached.get(variant)} of ${tables.length} cases`,
  );
  return `${rows.join("\n")}\n\nBoth figures are reached (bold) by ${counts.join(", by ")}.`;
}

/** The same experiment on a live Xen and in the model. */
async function liveXen(): Promise<string> {
  const rows = [
    "| guest | pages, live Xen | pages, model | with flush | last copy, live Xen | last copy, model | with flush | rounds, model |",
    "|---|--:|--:|--:|--:|--:|--:|--:|",
  ];
  for (const guest of LIVE_XEN_GUESTS) {
    const plain = await moveLiveXen(guest, "pre-copy@xen");
    const held = await moveLiveXen(guest, `pre-copy+${LIVE_XEN_WSCLOCK}@xen`);
    const flushed = await moveLiveXen(guest, `pre-copy:flush+${LIVE_XEN_WSCLOCK}@xen`);
    const [realPlain, realHeld] = guest.real;
    rows.push(
      `| ${guest.name} | ${realPlain} → ${realHeld} (${percent(change(realHeld, realPlain), 0)} %) | ${plain.pagesSent} → ${held.pagesSent} (${percent(change(held.pagesSent, plain.pagesSent), 0)} %) | ${flushed.pagesSent} (${percent(change(flushed.pagesSent, plain.pagesSent), 0)} %) | ${guest.realLastCopy.join(" → ")} | ${plain.stopPages} → ${held.stopPages} | ${flushed.stopPages} | ${plain.rounds.length} → ${held.rounds.length} |`,
    );
  }
  return rows.join("\n");
}

/** Means of a strategy's change in bytes at a bandwidth. */
function meanSaving(tables: readonly Table[], strategy: string, bandwidth: string): string {
  const changes = tables
    .filter((table) => table.bandwidth === bandwidth)
    .map((table) => {
      const cell = table.cells.find((c) => c.strategy === strategy) as Cell;
      return change(cell.bytes, baselineOf(table).bytes);
    });
  return percent(changes.reduce((a, b) => a + b, 0) / changes.length);
}

function details(table: Table): string {
  const base = baselineOf(table);
  const rows = [
    `### ${table.recording}, ${table.bandwidth}`,
    "",
    Number.isFinite(table.floorNs)
      ? `Floor of the class: ${seconds(table.floorNs)} s.`
      : "Floor of the class: no pre-copy keeps 300 ms within a minute.",
    "",
    "| strategy | rounds | MiB | bytes % | total, s | total % | downtime, ms | slowdown % | held pages |",
    "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
  ];
  for (const cell of table.cells) {
    rows.push(
      `| \`${cell.strategy}\` | ${cell.rounds.toFixed(1)} | ${(cell.bytes / 2 ** 20).toFixed(1)} | ${percent(change(cell.bytes, base.bytes))} | ${seconds(cell.totalNs)} | ${percent(change(cell.totalNs, base.totalNs))} | ${millis(cell.downtimeNs)} | ${(cell.slowdown * 100).toFixed(2)} | ${cell.heldPages.toFixed(0)} |`,
    );
  }
  return rows.join("\n");
}

function page(tables: readonly Table[], live: string): string {
  const slow = BANDWIDTHS[0]?.name as string;
  return `# Results on recorded guests

Written by \`npm run results\`. Twelve recordings of real programs and guests (examples/traces), each
in a guest of 256 MiB and one VCPU, moved 2 s into the recording by ${STRATEGIES.length} strategies at three
bandwidths; means over seeds ${SEEDS.join(", ")}. Downtime limit 300 ms, latency 100 µs, Ethernet frames,
log-dirty by write faults, the model's default costs (src/model/spec.ts). Guests bound by their CPU
replay on the instruction clock at the native rate of examples/traces/README.md, paced ones on
recorded time; recordings from boot are cut to the time after it; a recording that is shorter than
its migration starts over. Every run passed the checker.

Percentages are changes against \`${BASELINE}\`; bytes are what the stream carried, total is from the
start to the announcement, warm-up of the predictors included. The floor is the earliest end that any
pre-copy of the unthrottled guest can reach at 300 ms (src/bound); it is computed from one seed.

## Means over all recordings

${overview(tables)}

## Against the published figures

Zaw & Thein (IJCST 3(3), 2012) report −23.67 % bytes and −11.45 % total time on average for working-set
prediction against Xen's default pre-copy. No predictor can save more than what plain pre-copy sends
again; that share is in the third column, and it, not the predictor, decides most cases.
\`limit 5 s\` lets WSClock hold back as much as five seconds of the link carry, which comes nearest to a
method that states no cap.

${zawThein(tables)}

Why it wins or loses:

- *Nothing to save.* Where plain pre-copy sends only a few per cent of its pages again, no predictor can
  come near −23.67 %. That is every idle, paced or fast-linked case above.
- *The price of looking first.* WSClock samples for a second (five ticks of 200 ms) before round 1, and
  every strategy's clock starts at the same moment. On 10 Gbit/s the whole move takes less than that, so
  the total is worse whatever is saved; on 100 Mbit/s the second hardly shows. \`warmup=0\` goes without
  the look and learns while round 1 runs.
- *The cap.* At most as many pages are held as the downtime limit pays for: 300 ms at 100 Mbit/s are
  about 750 pages, and a working set larger than that is sent and sent again as before. Lifting the cap
  (\`limit 5 s\`) buys the bytes and the time, and pays for them with downtime: see its rows below.
- *The pause.* Every page held is sent while the guest stands still: downtime rises towards the limit.
  \`flush\` gives part of the saving back for a shorter pause.
- *The simple rival.* Clark's skip set (\`pre-copy@xen-skip\`) needs no sampling and holds nothing for the
  pause, and on these recordings it wins: at ${slow} it saves ${meanSaving(tables, "pre-copy@xen-skip", slow)} % of the bytes on average,
  WSClock within 300 ms ${meanSaving(tables, WSCLOCK, slow)} %, with five seconds ${meanSaving(tables, UNCAPPED, slow)} %. It acts on every page that is written
  again before its turn, a predictor only on as many as the pause has room for.
- *Sampling is part of the saving.* A sample in mid-round also finds pages that were written before their
  turn; sent with the new contents, they are not owed again. \`exact-ws\` and \`oracle\` sample too, so that
  they differ from the others in prediction alone.
- *The seed's CPU control* acts only where the guest dirties more than 0.8 of the bandwidth; elsewhere
  \`seed\` and \`pre-copy+wsclock@xen\` are one.

## Against a live Xen

What holding back did on a live Xen 4.17 (PVH guest of 128 MB in software emulation, 24 MB/s, writes
sampled at 5 Hz, tau 1 s, at most 4,096 pages held, 1,024 for the idle guest; one or two runs each), and
the model set up the same way (test/support/live-xen.ts; the Zipf exponent is a guess). Default → held back.

${live}

## Each recording

${tables.map(details).join("\n\n")}
`;
}

writeFileSync("docs/RESULTS.md", page(await measure(), await liveXen()));

/** What commands print for docs/TECHNIQUES.md: sweeps of parameters, and many guests at once. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** As they stand on the page; each runs in about a minute. */
const SWEEPS = [
  "sweep examples/seed.yaml --over tau=100ms..1600ms:x2 --over tick=50ms..200ms:x2 --over guest.trace.file=traces/redis-paced.wsdt2.gz,traces/redis.wsdt2.gz,traces/cc1.wsdt2.gz -s pre-copy+wsclock@xen",
  "sweep examples/seed.yaml --over link.bandwidth=250Mbit/s..2Gbit/s:x2 --over guest.memory=256MiB..1GiB:x2 --over guest.trace.tile=true --over guest.trace.instruction-rate=30M/s..120M/s:x2 -s pre-copy@xen -s adaptive",
  "sweep examples/busy-database.yaml --over link.bandwidth=500Mbit/s..2Gbit/s:x2 --over margin=0.1..0.8:x2 --over guest.write-elasticity=0.5,1 -s seed -s adaptive",
] as const;
/** From here on a sweep explains its signs, which docs/SWEEPS.md does as well. */
const LEGEND = "\n+0.98 ";

const ADMISSIONS = [
  "serial",
  "at-once:2",
  "at-once:6",
  "shortest-first",
  "shortest-first:2",
  "per-host",
  "per-host:in=1",
  "lt-rt",
  "lt-rt:2",
] as const;
const PLANS = ["evacuate", "swap", "consolidate"] as const;

interface ManyResult {
  readonly makespanNs: number;
  readonly migrations: readonly {
    readonly totalNs: number;
    readonly downtimeNs: number;
    readonly bytesSent: number;
    readonly guestSlowdown: number;
  }[];
}

/** Marks of the page and what belongs between them. */
export async function runCommands(): Promise<[mark: string, text: string][]> {
  return [
    ["sweeps", await sweeps()],
    ["admission", await admissions()],
    ["plans", await plans()],
  ];
}

async function precopy(words: readonly string[]): Promise<string> {
  const args = ["--import", "tsx", "src/cli/main.ts", ...words];
  const { stdout } = await run(process.execPath, args, { maxBuffer: 2 ** 26 });
  return stdout;
}

async function sweeps(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "precopy-sweeps-"));
  const blocks: string[] = [];
  try {
    for (const [i, command] of SWEEPS.entries()) {
      const out = await precopy([...command.split(" "), "--out", join(folder, `${i}.jsonl`)]);
      const figures = out.slice(0, out.indexOf(LEGEND)).trimEnd();
      blocks.push(`\`\`\`text\n$ precopy ${command}\n${figures}\n\`\`\``);
      process.stderr.write(`${command}\n`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return blocks.join("\n\n");
}

/** `precopy run … --json`, of all migrations together. */
async function many(scenario: string, more: readonly string[] = []): Promise<string> {
  const words = ["run", `examples/${scenario}.yaml`, ...more, "--json"];
  const { makespanNs, migrations } = JSON.parse(await precopy(words)) as ManyResult;
  const figures = [
    migrations.length,
    (makespanNs / 1e9).toFixed(1),
    (mean(migrations.map(({ totalNs }) => totalNs)) / 1e9).toFixed(1),
    (Math.max(...migrations.map(({ downtimeNs }) => downtimeNs)) / 1e6).toFixed(1),
    (Math.max(...migrations.map(({ guestSlowdown }) => guestSlowdown)) * 100).toFixed(2),
    (migrations.reduce((sum, { bytesSent }) => sum + bytesSent, 0) / 2 ** 30).toFixed(2),
  ];
  return figures.join(" | ");
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

const HEAD =
  "migrations | makespan, s | one move, mean, s | longest downtime, ms | worst slowdown, % | GiB |";
const RULE = "--:|--:|--:|--:|--:|--:|";

async function admissions(): Promise<string> {
  const rows = [`| \`--admission\` | ${HEAD}`, `|---|${RULE}`];
  for (const rule of ADMISSIONS) {
    rows.push(`| \`${rule}\` | ${await many("evacuate", ["--admission", rule])} |`);
  }
  return rows.join("\n");
}

async function plans(): Promise<string> {
  const rows = [`| plan | example | ${HEAD}`, `|---|---|${RULE}`];
  for (const plan of PLANS) {
    const example = `[examples/${plan}.yaml](../examples/${plan}.yaml)`;
    rows.push(`| \`${plan}\` | ${example} | ${await many(plan)} |`);
  }
  return rows.join("\n");
}

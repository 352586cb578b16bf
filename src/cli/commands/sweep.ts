/** `precopy sweep`: a grid of parameter values on all cores, and what each parameter does. */
import { availableParallelism } from "node:os";
import { basename } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { PrecopyError } from "../../base/errors.js";
import { count, plural } from "../../report/text.js";
import { collect, parseRuns, shellCommand } from "../flags.js";
import { scenarioCommand, scenarioWords } from "../scenario-file.js";
import { EXIT, type Session } from "../session.js";
import { Eta } from "../sweep/eta.js";
import { planSweep, type SweepFlags } from "../sweep/plan.js";
import { runPool } from "../sweep/pool.js";
import { type OutputFlags, printResults } from "../sweep/results.js";
import { openSweepFile } from "../sweep/sweep-file.js";

interface Shard {
  /** From 1 to `of`. */
  readonly part: number;
  readonly of: number;
}

interface Flags extends SweepFlags, OutputFlags {
  readonly out?: string;
  readonly shard?: Shard;
  readonly jobs?: number;
}

const THREADS_MAX = 1024;
const SHARDS_MAX = 1_000_000;

const EXAMPLES = `
What --over takes:
  guest.memory=256MiB,512MiB     a field of the guest that moves; guests.NAME.X of another one
  link.bandwidth=100Mbit/s..10Gbit/s:x10    times 10 from value to value
  migrate.downtime-limit=100ms..1s:4        4 values in equal steps
  host.costs.suspend=1ms,5ms     of every host; hosts.NAME.X of one
  seed=1..20:20                  the seeds
  tau=100ms,1s                   a parameter of the strategies that have it

Every job that has ended is a line in the file of the sweep. The same command goes on from there.

Examples:
  precopy sweep examples/seed.yaml --over link.bandwidth=500Mbit/s,1Gbit/s -s pre-copy@xen
  precopy sweep examples/seed.yaml --over tau=100ms..1600ms:x2 -s pre-copy+wsclock --csv
  precopy sweep … --shard 1/4 --out 1.jsonl      a quarter of the jobs; then precopy merge
`;

export function sweepCommand(session: Session): Command {
  return scenarioCommand("sweep")
    .description("run a grid of parameter values on all cores: which parameter matters, how much")
    .requiredOption("--over <name=values>", "a parameter and its values (repeatable)", collect)
    .option("-s, --strategy <name>", "strategy instead of the scenario's (repeatable)", collect)
    .option("--seeds <n>", "seeds for each point, from the scenario's on", parseRuns)
    .option("--out <file>", "the sweep's file (./NAME.sweep.jsonl)")
    .option("--shard <i/n>", "run the i-th of n parts of the jobs", parseShard)
    .option("--jobs <k>", "worker threads (one for each core)", parseThreads)
    .option("--csv", "print a CSV row for each job instead of text")
    .option("--json", "print the analysis as JSON instead of text")
    .addHelpText("after", EXAMPLES)
    .action((scenario: string, flags: Flags) => sweep(session, scenario, flags));
}

async function sweep(session: Session, path: string, flags: Flags): Promise<void> {
  if (flags.csv && flags.json) {
    throw new PrecopyError("bad-input", "--csv and --json are two forms of output: give one");
  }
  const repeat = shellCommand(wordsOf(path, flags));
  session.repeat = repeat;
  const { setup, header, task } = await planSweep(path, flags);
  const { shard = { part: 1, of: 1 } } = flags;
  const out = flags.out ?? defaultOut(path, shard);
  const abort = new AbortController();
  const release = session.io.onInterrupt(() => {
    if (abort.signal.aborted) session.io.exit(EXIT.interrupted);
    abort.abort();
  });
  const file = await openSweepFile(out, header).catch((error: unknown) => {
    release();
    throw error;
  });
  try {
    const mine = Array.from({ length: header.jobs }, (_, job) => job).filter(
      (job) => job % shard.of === shard.part - 1,
    );
    const jobs = mine.filter((job) => file.outcomes[job] === undefined);
    const before = mine.length - jobs.length;
    if (before > 0) session.note(`${count(before)} of ${plural(mine.length, "job")} are in ${out}`);
    const eta = new Eta(session.io.nowMs(), { done: before, all: mine.length });
    session.progress(() => eta.text(session.io.nowMs()));
    const threads = flags.jobs ?? availableParallelism();
    const onOutcome: Parameters<typeof runPool>[0]["onOutcome"] = (job, outcome) => {
      file.add(job, outcome);
      eta.count();
      session.progress(() => eta.text(session.io.nowMs()));
    };
    await runPool({ setup, jobs, task, threads, onOutcome, signal: abort.signal });
    if (abort.signal.aborted) {
      const done = `${count(eta.done)} of ${plural(mine.length, "job")}`;
      session.note(`interrupted; ${done} are in ${out}, the same command goes on from there`);
      return session.endWith(EXIT.interrupted);
    }
  } finally {
    release();
    file.close();
  }
  printResults(session, header, file.outcomes, { flags, repeat });
  if (shard.of > 1) {
    const text = `part ${shard.part} of ${shard.of} is in ${out}`;
    session.note(`${text}: precopy merge puts the parts together`);
  }
}

/** The words that give the same sweep again. */
function wordsOf(path: string, flags: Flags): string[] {
  const { over = [], strategy = [], seed, seeds, out, shard } = flags;
  return [
    ...scenarioWords("sweep", path, flags, strategy),
    ...over.flatMap((text) => ["--over", text]),
    ...(seed === undefined ? [] : ["--seed", String(seed)]),
    ...(seeds === undefined ? [] : ["--seeds", String(seeds)]),
    ...(out === undefined ? [] : ["--out", out]),
    ...(shard === undefined ? [] : ["--shard", `${shard.part}/${shard.of}`]),
  ];
}

function defaultOut(path: string, { part, of }: Shard): string {
  const name = basename(path).replace(/\.(ya?ml|json)$/i, "");
  return `${name}${of > 1 ? `.${part}-of-${of}` : ""}.sweep.jsonl`;
}

function parseShard(text: string): Shard {
  const [, part, of] = /^(\d{1,7})\/(\d{1,7})$/.exec(text) ?? [];
  const shard = { part: Number(part), of: Number(of) };
  if (shard.part >= 1 && shard.part <= shard.of && shard.of <= SHARDS_MAX) return shard;
  throw new InvalidArgumentError("Write i/n, i from 1 to n, as in 1/4.");
}

function parseThreads(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= THREADS_MAX) return value;
  throw new InvalidArgumentError(`Write a whole number from 1 to ${THREADS_MAX}.`);
}

/**
 * Measures contenders against each other on a machine that others use too: short slices of each,
 * interleaved, the order rotating from round to round; what counts is the median over rounds of
 * the ratio within a round, so that a slow moment slows both sides of it.
 *
 * tinybench times a slice that runs in this process (its clock, its untimed hook before each run,
 * its percentiles). It does not choose the order nor compare: it runs one task to the end before
 * the next, so that two tasks meet different moments of the machine; and it cannot time plain C in
 * a child process, whose answer takes longer than many kernels (bench/native/main.c takes its own
 * times). Every contender hands back a digest of its output; all of them have to agree.
 */
import { Bench } from "tinybench";
import { median, quartiles, type Spread } from "./statistics.js";

/** One way to do a job, ready to run. */
export interface Contender {
  readonly name: string;
  /** Runs in the first rounds only: it is slow, and its ratio is not close to any target. */
  readonly slow?: boolean;
  measure(slice: Slice): Sample | Promise<Sample>;
  close?(): void;
}

export interface Slice {
  /** Timed runs; the sample is their median. */
  readonly runs: number;
  /** Repetitions within one timed run, for jobs that leave their input alone. */
  readonly batch: number;
}

export interface Sample {
  readonly nsPerRun: number;
  /** Undefined: its output has another form, and was checked by itself. */
  readonly digest: string | undefined;
}

/** At most `atMost` times as long as the contender `than`. */
export interface Target {
  readonly than: string;
  readonly atMost: number;
}

export interface BenchCase {
  readonly group: string;
  readonly name: string;
  readonly pages: number;
  /** What `operations` counts, in the singular. */
  readonly unit: string;
  readonly operations: number;
  /** Can be repeated without putting its input back. */
  readonly repeatable: boolean;
  /** Of the first contender. */
  readonly targets: readonly Target[];
  /** Builds the contenders; the first one is what all others are compared with. */
  open(): Promise<readonly Contender[]>;
}

export interface Effort {
  readonly roundsMin: number;
  readonly roundsMax: number;
  /** No further round begins after this long (but for the least number of them). */
  readonly caseMs: number;
  readonly sliceMs: number;
  readonly slowRounds: number;
}

export const FULL: Effort = {
  roundsMin: 5,
  roundsMax: 41,
  caseMs: 1500,
  sliceMs: 12,
  slowRounds: 2,
};

/** For tests: everything runs, nothing is measured well. */
export const SMALL: Effort = {
  roundsMin: 2,
  roundsMax: 2,
  caseMs: 0,
  sliceMs: 0,
  slowRounds: 1,
};

export interface ContenderResult {
  readonly name: string;
  readonly nsPerOperation: number;
  /** Time of the first contender divided by this one's, round by round. */
  readonly ratio: Spread;
}

export interface CaseResult {
  readonly benchCase: BenchCase;
  readonly rounds: number;
  readonly contenders: readonly ContenderResult[];
  /** That of all contenders. */
  readonly digest: string;
}

const RUNS_MAX = 50;
const BATCH_MAX = 4096;

export async function runCase(benchCase: BenchCase, effort: Effort): Promise<CaseResult> {
  const contenders = await benchCase.open();
  try {
    return await compare(benchCase, contenders, effort);
  } finally {
    for (const contender of contenders) contender.close?.();
  }
}

async function compare(
  benchCase: BenchCase,
  contenders: readonly Contender[],
  effort: Effort,
): Promise<CaseResult> {
  const slices = new Map<Contender, Slice>();
  const samples = new Map<Contender, Sample[]>(contenders.map((c) => [c, []]));
  // The warm-up compiles and touches everything, and tells how much fits into a slice.
  for (const contender of contenders) {
    slices.set(contender, await warmUp(contender, benchCase.repeatable, effort));
  }
  const startedMs = performance.now();
  let rounds = 0;
  while (goesOn(rounds, performance.now() - startedMs, effort)) {
    for (let i = 0; i < contenders.length; i++) {
      const contender = contenders[(i + rounds) % contenders.length] as Contender;
      if (contender.slow === true && rounds >= effort.slowRounds) continue;
      const sample = await contender.measure(slices.get(contender) as Slice);
      samples.get(contender)?.push(sample);
    }
    rounds++;
  }
  return summarise(benchCase, contenders, samples, rounds);
}

function goesOn(rounds: number, elapsedMs: number, effort: Effort): boolean {
  if (rounds < effort.roundsMin) return true;
  return rounds < effort.roundsMax && elapsedMs < effort.caseMs;
}

async function warmUp(contender: Contender, repeatable: boolean, effort: Effort): Promise<Slice> {
  if (effort.sliceMs === 0) return { runs: 1, batch: 1 };
  const sliceNs = effort.sliceMs * 1e6;
  let { nsPerRun } = await contender.measure({ runs: 1, batch: 1 });
  // Twice: the first run may have been the compiler's.
  if (nsPerRun < sliceNs) {
    const runs = Math.min(RUNS_MAX, Math.max(2, Math.ceil(sliceNs / nsPerRun)));
    nsPerRun = (await contender.measure({ runs, batch: 1 })).nsPerRun;
  }
  const fitting = Math.max(1, sliceNs / Math.max(nsPerRun, 1));
  // A run of 20 us is long against the clock's own cost; shorter ones are repeated within.
  const batch = repeatable ? Math.ceil(Math.min(BATCH_MAX, 20_000 / Math.max(nsPerRun, 1))) : 1;
  return { runs: Math.max(1, Math.min(RUNS_MAX, Math.floor(fitting / batch))), batch };
}

function summarise(
  benchCase: BenchCase,
  contenders: readonly Contender[],
  samples: ReadonlyMap<Contender, readonly Sample[]>,
  rounds: number,
): CaseResult {
  const first = samples.get(contenders[0] as Contender) as readonly Sample[];
  const digest = (first[0] as Sample).digest as string;
  const results = contenders.map((contender): ContenderResult => {
    const mine = samples.get(contender) as readonly Sample[];
    const other = mine.find((sample) => (sample.digest ?? digest) !== digest);
    if (other !== undefined) {
      throw new Error(
        `${benchCase.group}, ${benchCase.name}, ${benchCase.pages} pages: ${contender.name} ` +
          `comes to ${other.digest}, ${(contenders[0] as Contender).name} to ${digest}`,
      );
    }
    const ratios = mine.map(({ nsPerRun }, i) => (first[i] as Sample).nsPerRun / nsPerRun);
    return {
      name: contender.name,
      nsPerOperation: median(mine.map(({ nsPerRun }) => nsPerRun)) / benchCase.operations,
      ratio: quartiles(ratios),
    };
  });
  return { benchCase, rounds, contenders: results, digest };
}

/** A contender that runs in this process. */
export interface Job {
  readonly name: string;
  readonly slow?: boolean;
  /** Untimed, before each run. */
  prepare?(): void;
  run(): void;
  /** Undefined: the output has another form; then it is checked here, by throwing. */
  digest(): string | undefined;
}

export function inProcess(job: Job): Contender {
  return {
    name: job.name,
    slow: job.slow === true,
    measure: ({ runs, batch }) => ({
      nsPerRun: timeSlice(job, runs, batch),
      digest: job.digest(),
    }),
  };
}

function timeSlice(job: Job, runs: number, batch: number): number {
  const bench = new Bench({ iterations: runs, time: 0, warmup: false });
  const repeated = () => {
    for (let i = 0; i < batch; i++) job.run();
  };
  const hooks = { async: false, beforeEach: () => job.prepare?.() };
  bench.add(job.name, batch === 1 ? () => job.run() : repeated, hooks);
  const [task] = bench.runSync();
  const result = task?.result;
  if (result === undefined || !("latency" in result)) {
    throw result !== undefined && "error" in result ? result.error : new Error("nothing was timed");
  }
  return (result.latency.p50 * 1e6) / batch;
}

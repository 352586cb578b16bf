/** `precopy record`: what a real guest reads and writes, interval by interval, as a page trace. */
import { Command, InvalidArgumentError } from "commander";
import { formatBytes, formatDuration, NS_PER_MS } from "../../base/units.js";
import { gzip } from "../../guest/trace-gzip.js";
import { PageRecorder, type Recorded } from "../../live/page-recorder.js";
import { V86Guest } from "../../live/v86/index.js";
import { loadV86 } from "../../live/v86/v86-package.js";
import { parseTime } from "../flags.js";
import { planGuest } from "../live/guest-plan.js";
import { parseSizeFlag } from "../live/link-flags.js";
import { Interrupted, type Session } from "../session.js";
import { parseCount, writeWhole } from "../trace-files.js";

const NOTES = `
An interval ends with a turn of the guest, about a millisecond later than asked for, and says when
it did. "Read" is the referenced bit, which a write sets, too. Each interval empties the guest's TLB,
which costs a busy guest 10 to 25 % of its speed at 5 to 20 ms; on the instruction clock that does not
show, but a guest that sleeps stands still on it.

Ctrl-C ends the recording and keeps it. The file appears when it is whole.

Examples:
  precopy record --guest tiny --workload "pattern=zipf pages=4000 rate=5000" -o zipf.trace.gz
  precopy record --guest linux --workload sqlite --clock instructions -o sqlite.trace.gz
  precopy trace info zipf.trace.gz
`;

interface RecordFlags {
  readonly guest: string;
  readonly memory?: number;
  readonly workload?: string;
  readonly warm: number;
  readonly interval: number;
  readonly time: number;
  readonly clock: "wall" | "instructions";
  readonly instructionRate?: string;
  readonly out: string;
}

const INTERVAL_NS = 20 * NS_PER_MS;
const TIME_NS = 20e9;
const WARM_NS = 2e9;

export function recordCommand(session: Session): Command {
  return new Command("record")
    .description("record which pages a real x86 guest writes and reads, as a page trace")
    .requiredOption("--guest <which>", "tiny, linux, or a file that --save-state has written")
    .option("--memory <size>", "of the tiny guest, as in 128MiB; default 64MiB", parseSizeFlag)
    .option("--workload <words>", "what the guest does: see docs/CLI.md")
    .option("--warm <time>", "let the guest run first; default 2s", parseTime, WARM_NS)
    .option("--interval <time>", "of the trace, from 1ms; default 20ms", parseTime, INTERVAL_NS)
    .option("--time <time>", "how long to record, wall time; default 20s", parseTime, TIME_NS)
    .option("--clock <clock>", "wall or instructions", parseClock, "wall")
    .option("--instruction-rate <n>", "instructions a second of that clock, as in 500M (1G)")
    .requiredOption("-o, --out <file>", "trace to write; .gz compresses")
    .addHelpText("after", NOTES)
    .action((flags: RecordFlags) => record(session, flags));
}

async function record(session: Session, flags: RecordFlags): Promise<void> {
  const { interval, time, warm, clock, out, workload } = flags;
  const rate = parseCount("--instruction-rate", flags.instructionRate);
  const plan = await planGuest(flags, session.io.env);
  const guest = await V86Guest.create({ ...(await loadV86()), ...plan.options });
  const abort = new AbortController();
  const release = session.io.onInterrupt(() => abort.abort());
  try {
    const recorder = await PageRecorder.create({
      ...{ guest, intervalNs: interval, durationNs: time, signal: abort.signal },
      clock: clock === "wall" ? "time" : "instructions",
      ...(rate !== undefined && { instructionsPerSec: rate }),
      source: ["precopy record", plan.name, workload ?? ""].join(" ").trim(),
    });
    guest.resume();
    if (plan.typed !== "") guest.sendSerial(plan.typed);
    session.progress(() => `${plan.name}  runs`);
    await sleep(warm, abort.signal);
    if (abort.signal.aborted) throw new Interrupted("interrupted before anything was recorded");
    const chunks = watched(recorder, session);
    const whole = out.endsWith(".gz") ? gzip(chunks) : chunks;
    const sizeBytes = await writeWhole(out, whole, { keepOnInterrupt: true });
    session.print(`${out}: ${inWords(recorder.recorded)}, ${formatBytes(sizeBytes)}\n`);
    if (!recorder.header.hasReads) {
      session.note("v86 as it is here tells no reads: the trace is one of writes alone");
    }
  } finally {
    release();
    session.close();
    await guest.destroy();
  }
}

async function* watched(recorder: PageRecorder, session: Session): AsyncGenerator<Uint8Array> {
  for await (const chunk of recorder.record()) {
    session.progress(() => `recording: ${inWords(recorder.recorded)}`);
    yield chunk;
  }
}

function inWords({ intervals, elapsedNs, written, read }: Recorded): string {
  const each = (pages: number) => (pages / Math.max(1, intervals)).toFixed(1);
  const pages = `${each(written)} pages written and ${each(read)} referenced in each`;
  return `${intervals} interval${intervals === 1 ? "" : "s"}, ${formatDuration(elapsedNs)}, ${pages}`;
}

function parseClock(text: string): string {
  if (text === "wall" || text === "instructions") return text;
  throw new InvalidArgumentError("Write wall or instructions.");
}

function sleep(ns: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(resolve, ns / NS_PER_MS);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** `precopy observe`: what a running QEMU would make of a migration, and how one that runs goes. */
import { Command, InvalidArgumentError, Option } from "commander";
import { PrecopyError } from "../../base/errors.js";
import { parseDuration } from "../../base/units.js";
import { parseMigrationParameter } from "../../live/qemu/qemu-migration.js";
import { QemuMonitor } from "../../live/qemu/qemu-monitor.js";
import { QmpClient } from "../../live/qemu/qmp-client.js";
import { asArgument, collect, parseShare, parseTime } from "../flags.js";
import { parseRateFlag } from "../live/link-flags.js";
import { LookedLongEnough, Observation, type ObserveWishes } from "../live/observe-run.js";
import { EXIT, Interrupted, type Session } from "../session.js";

const NOTES = `
QEMU is only asked: without --start nothing is set, started or cancelled. It serves one client
a monitor: beside libvirt's give it a second -qmp.

Examples:
  precopy observe /run/vm1.qmp                              what would a migration of it be like?
  precopy observe /run/vm1.qmp --bandwidth 10Gbit/s --windows 1s,3s,10s
  precopy observe 127.0.0.1:4444 --record runs.jsonl        watch the one that runs, keep it
  precopy observe /run/vm1.qmp --start tcp:10.0.0.2:4444 --set downtime-limit=500 \\
    --capability auto-converge
`;

interface ObserveFlags {
  readonly windows: readonly number[];
  readonly measure: boolean;
  readonly bandwidth?: number;
  readonly zero: number;
  readonly start?: string;
  readonly set?: readonly string[];
  readonly capability?: readonly string[];
  readonly startPostcopyAfter?: number;
  readonly cancelOnInterrupt?: boolean;
  readonly interval: number;
  readonly timeout?: number;
  readonly record?: string;
  readonly json?: boolean;
}

const WINDOWS = new Option("--windows <times>", "measure dirty rates over these")
  .argParser(parseWindows)
  .default([1, 3], "1s,3s");
const ZERO = new Option("--zero <share>", "of memory that holds zeros, as in 40%")
  .argParser(parseShare)
  .default(0, "0%");
const INTERVAL = new Option("--interval <time>", "between looks, 5ms to 1min")
  .argParser(parseInterval)
  .default(50e6, "50ms");

const WINDOWS_MAX = 20;
const INTERVAL_NS = { least: 5e6, most: 60e9 };

export function observeCommand(session: Session): Command {
  return new Command("observe")
    .description("forecast a migration of a running QEMU over QMP, and watch one that runs")
    .argument("<qmp>", "QEMU's QMP: the path of its unix socket, or HOST:PORT")
    .addOption(WINDOWS)
    .option("--no-measure", "measure none, forecast nothing before it runs")
    .option("--bandwidth <rate>", "what the link carries; default max-bandwidth", parseRateFlag)
    .addOption(ZERO)
    .option("--start <uri>", "start a migration to it, as in tcp:10.0.0.2:4444")
    .option("--set <name=value>", "with --start: a parameter of QMP's (repeatable)", collect)
    .option("--capability <name>", "with --start: switched on first (repeatable)", collect)
    .option("--start-postcopy-after <n>", "with --start: post-copy after n readings", parseCount)
    .option("--cancel-on-interrupt", "with --start: Ctrl-C cancels what was started")
    .addOption(INTERVAL)
    .option("--timeout <time>", "look no longer; exit with 3 if it still runs", parseTime)
    .option("--record <file>", "append the run to a file of runs, as one JSON line")
    .option("--json", "print JSON lines instead of text")
    .addHelpText("after", NOTES)
    .action((where: string, flags: ObserveFlags) => observe(session, where, flags));
}

async function observe(session: Session, where: string, flags: ObserveFlags): Promise<void> {
  const wishes = wishesOf(flags);
  const abort = new AbortController();
  const connecting = new AbortController();
  let client: QmpClient | undefined;
  const release = session.io.onInterrupt(() => {
    if (abort.signal.aborted) session.io.exit(EXIT.interrupted);
    abort.abort(new Error("interrupted"));
    // One that stands is still needed, to cancel.
    if (client === undefined) connecting.abort();
  });
  let observation: Observation | undefined;
  let timer: NodeJS.Timeout | undefined;
  try {
    client = await QmpClient.connect(where, { signal: connecting.signal });
    if (wishes.timeoutMs !== undefined) {
      const what = `looked for ${wishes.timeoutMs / 1000} s`;
      timer = setTimeout(() => abort.abort(new LookedLongEnough(what)), wishes.timeoutMs);
    }
    observation = new Observation(session, new QemuMonitor(client), wishes, abort.signal);
    await observation.run();
  } catch (error) {
    if (!abort.signal.aborted) throw error;
    if (observation === undefined) throw new Interrupted("interrupted before QEMU had greeted");
    await observation.leave(abort.signal.reason);
  } finally {
    clearTimeout(timer);
    release();
    client?.close();
  }
}

function wishesOf(flags: ObserveFlags): ObserveWishes {
  const { start, set = [], capability = [], startPostcopyAfter, timeout } = flags;
  if (start === undefined) {
    const given = [
      ...(set.length > 0 ? ["--set"] : []),
      ...(capability.length > 0 ? ["--capability"] : []),
      ...(startPostcopyAfter === undefined ? [] : ["--start-postcopy-after"]),
      ...(flags.cancelOnInterrupt === true ? ["--cancel-on-interrupt"] : []),
    ];
    if (given.length > 0) {
      const what = `${given.join(", ")} without --start would change a QEMU that is only observed`;
      throw new PrecopyError("bad-input", `${what}: give --start URI as well, or leave it out`);
    }
  }
  if (startPostcopyAfter !== undefined && !capability.includes("postcopy-ram")) {
    const what = "--start-postcopy-after needs --capability postcopy-ram";
    throw new PrecopyError("bad-input", `${what}, which the destination must have as well`);
  }
  return {
    windowsSec: flags.measure ? flags.windows : [],
    linkBytesPerSec: flags.bandwidth,
    zeroShare: flags.zero,
    start:
      start === undefined
        ? undefined
        : {
            uri: start,
            parameters: Object.fromEntries(set.map(parseMigrationParameter)),
            capabilities: Object.fromEntries(capability.map((name) => [name, true])),
          },
    postCopyAfterSyncs: startPostcopyAfter,
    cancelOnInterrupt: flags.cancelOnInterrupt === true,
    intervalMs: flags.interval / 1e6,
    timeoutMs: timeout === undefined ? undefined : timeout / 1e6,
    record: flags.record,
    json: flags.json === true,
  };
}

/** "1s,3s" → [1, 3]. What a QEMU can measure is told when it is asked. */
function parseWindows(text: string): number[] {
  const windows = text.split(",").map((one) => asArgument(() => parseDuration(one)) / 1e9);
  if (windows.length <= WINDOWS_MAX && windows.every((sec) => sec > 0)) return windows;
  throw new InvalidArgumentError(`Write 1 to ${WINDOWS_MAX} times above 0, as in 1s,3s.`);
}

function parseInterval(text: string): number {
  const ns = parseTime(text);
  if (ns >= INTERVAL_NS.least && ns <= INTERVAL_NS.most) return ns;
  throw new InvalidArgumentError("Write a time from 5ms to 1min.");
}

function parseCount(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Write a whole number from 1 to 999999.");
}

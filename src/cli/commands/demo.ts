/**
 * `precopy demo`: a real guest moves from this process to another over TCP while it runs, and its own
 * counter shows that it went on: no number missing, none twice. The tiny guest needs nothing but this
 * package and v86; Linux is what `npm run linux-guest` has left in its folder.
 */
import { randomBytes } from "node:crypto";
import { Argument, Command } from "commander";
import { formatBytes, formatDuration, formatRate, NS_PER_SEC } from "../../base/units.js";
import type { LiveMigration } from "../../live/live-migration.js";
import type { LiveResult } from "../../live/live-result.js";
import { parseAddress } from "../../live/transport/address.js";
import { Registry } from "../../migrate/registry.js";
import type { RoundReport } from "../../migrate/report.js";
import { DEFAULT_DOWNTIME_LIMIT_NS } from "../../policy/hold-back.js";
import { explainStop } from "../../report/stop-reason.js";
import { count, percent } from "../../report/text.js";
import { type Moved, type MoveWishes, moveGuest } from "../live/guest-move.js";
import { type GuestPlan, planGuest } from "../live/guest-plan.js";
import { reportsText } from "../live/reports-text.js";
import { startServe, type TargetProcess } from "../live/target-process.js";
import { EXIT, Interrupted, type Session } from "../session.js";

interface Demo {
  readonly words: string;
  readonly workload: string;
  readonly strategy: string;
  readonly bandwidthBytesPerSec: number;
  /** Before it moves, and after. */
  readonly runNs: number;
  /** A line in so many of its reports is shown. */
  readonly showEvery: number;
  /** Typed at it after the move, and what has to come back. */
  readonly ask?: { readonly line: string; readonly answer: string };
}

const DEMOS: Readonly<Record<string, Demo>> = {
  tiny: {
    words:
      "The tiny guest (5 KB, no operating system) writes pages, checks each before it writes it again, and counts on its serial port.",
    workload: "pattern=hot pages=2000 rate=3000",
    strategy: "pre-copy+zero",
    bandwidthBytesPerSec: 25e6,
    runNs: 2 * NS_PER_SEC,
    showEvery: 10,
  },
  linux: {
    words:
      "Debian's Linux, at its shell; a program in it writes pages, checks each before it writes it again, and counts.",
    workload: "dirty pattern=hot pages=2000 rate=3000",
    strategy: "pre-copy+zero",
    bandwidthBytesPerSec: 25e6,
    runNs: 3 * NS_PER_SEC,
    showEvery: 20,
    ask: { line: "uname -sr; echo answered-$((6 * 7))\n", answer: "answered-42" },
  },
};

/** After the move the guest has so long to say what is waited for. */
const ANSWER_MS = 20_000;

export function demoCommand(session: Session): Command {
  return new Command("demo")
    .addArgument(new Argument("[guest]").choices(Object.keys(DEMOS)).default("tiny"))
    .description("move a real guest to a second process while it runs, and watch it count on")
    .action((guest: string) => demo(session, guest, DEMOS[guest] as Demo));
}

async function demo(session: Session, guest: string, show: Demo): Promise<void> {
  const plan = await planGuest({ guest, workload: show.workload }, session.io.env);
  const secret = randomBytes(16).toString("base64");
  const target = await startServe({ secret, env: session.io.env });
  const stop = session.io.onInterrupt(() => target.kill());
  try {
    await introduce(session, plan, show, target);
    const moved = await move(session, plan, { show, target, secret });
    if (moved.interrupted) throw new Interrupted("interrupted; the guest did not move");
    if (moved.result.outcome !== "target-runs") return stayed(session, moved.result);
    await after(session, plan, { show, target, moved });
  } finally {
    stop();
    await target.kill();
  }
}

async function introduce(
  session: Session,
  { name, options }: GuestPlan,
  show: Demo,
  { pid, address }: TargetProcess,
): Promise<void> {
  const { bold, dim } = session.palette;
  session.print(`${bold("A real x86 guest moves while it runs")}\n${show.words}\n\n`);
  const parts = [
    `${name}, ${formatBytes(options.memoryBytes)}`,
    `from process ${process.pid} to process ${pid} at ${address}`,
    `${formatRate(show.bandwidthBytesPerSec)}, ${show.strategy}, every page checked`,
  ];
  session.print(`${parts.map((part) => dim(`  ${part}`)).join("\n")}\n\n`);
}

interface Moving {
  readonly show: Demo;
  readonly target: TargetProcess;
  readonly secret: string;
}

async function move(session: Session, plan: GuestPlan, moving: Moving): Promise<Moved> {
  const { show, target, secret } = moving;
  const { strategy, bandwidthBytesPerSec, runNs } = show;
  const wishes: MoveWishes = {
    ...{ strategy, bandwidthBytesPerSec, to: parseAddress(target.address) },
    ...{ registry: Registry.standard(), seed: 1, warmNs: runNs, verify: true },
    downtimeLimitNs: DEFAULT_DOWNTIME_LIMIT_NS,
    secret: new TextEncoder().encode(secret),
  };
  const source = new CounterLines(session, "source", show.showEvery);
  let migration: LiveMigration | undefined;
  let shown = 0;
  const rounds = () => {
    const done = migration?.engine.rounds ?? [];
    for (; shown < done.length; shown++) session.print(roundText(done[shown] as RoundReport));
  };
  const moved = await moveGuest(session, plan, wishes, {
    serial: (character) => source.put(character),
    moving(begun) {
      migration = begun;
      session.print(`${session.palette.bold("moving")}\n`);
    },
    progress: rounds,
  });
  rounds();
  source.end();
  return moved;
}

async function after(
  session: Session,
  plan: GuestPlan,
  { show, target, moved }: Omit<Moving, "secret"> & { readonly moved: Moved },
): Promise<void> {
  const { result, serial } = moved;
  session.print(`${session.palette.bold("runs there")}  ${pauseText(result)}\n`);
  const there = new CounterLines(session, "target", show.showEvery);
  // Its first line may have begun at the source.
  there.begin(serial.slice(serial.lastIndexOf("\n") + 1));
  target.onSerial((text) => {
    for (const character of text) there.put(character);
  });
  await new Promise((resolve) => setTimeout(resolve, show.runNs / 1e6));
  if (show.ask !== undefined) {
    target.type(show.ask.line);
    await target.waitForSerial(show.ask.answer, ANSWER_MS);
  }
  const found = plan.judge?.(serial + target.serial);
  const here = plan.judge?.(serial).reports.length ?? 0;
  if (found === undefined) return;
  const moved_ = `${count(here)} reports at the source, then ${count(found.reports.length - here)} at the target`;
  if (found.sound && found.reports.length > here) {
    const text = `moved alive: ${moved_}: no gap, no repeat, nothing bad`;
    return session.print(`\n${session.palette.good(text)}\n`);
  }
  session.print(`\n${session.palette.bad(`moved, but: ${reportsText(found)}`)}\n`);
  session.endWith(EXIT.bug);
}

function stayed(session: Session, { guest, stopReason }: LiveResult): void {
  session.note(`${guest} did not move: ${explainStop(stopReason)}`);
  session.endWith(EXIT.aborted);
}

function roundText({ round, pagesSent, bytes, durationNs, pagesDirtied }: RoundReport): string {
  const dirtied = pagesDirtied < 0 ? "" : `, ${count(pagesDirtied)} written meanwhile`;
  const sent = `${count(pagesSent)} pages, ${formatBytes(bytes)}`;
  return `  round ${round}  ${sent} in ${formatDuration(durationNs)}${dirtied}\n`;
}

function pauseText({ live, downtimeNs, totalNs, stopPages, bytesSent }: LiveResult): string {
  const verified = `${formatDuration(downtimeNs)} with comparing all memory`;
  return [
    `downtime ${formatDuration(live.downtimeWithoutVerifyNs)} (${verified})`,
    `${count(stopPages)} pages in the pause`,
    `${formatBytes(bytesSent)} in ${formatDuration(totalNs)}`,
    `the guest kept ${percent(live.guestShare)} of its thread`,
  ].join(", ");
}

/** Shows one in so many lines in which a guest counts, and those in which it does anything else. */
class CounterLines {
  private line = "";
  private seen = 0;
  private held = "";

  constructor(
    private readonly session: Session,
    private readonly where: string,
    private readonly every: number,
  ) {}

  /** What stood on its line before. */
  begin(text: string): void {
    this.line = text;
  }

  put(character: string): void {
    if (character !== "\n") {
      this.line += character;
      return;
    }
    const { line } = this;
    this.line = "";
    const counts = / n=\d+ /.test(line);
    if (counts && this.seen++ % this.every !== 0) {
      this.held = line;
      return;
    }
    this.held = "";
    this.show(line);
  }

  /** The last one is shown. */
  end(): void {
    if (this.held !== "") this.show(this.held);
    this.held = "";
  }

  private show(line: string): void {
    this.session.print(`  ${this.session.palette.dim(this.where)}  ${line.replace(/\r/g, "")}\n`);
  }
}

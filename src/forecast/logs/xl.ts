/**
 * `xl -vvv migrate` of Xen 4.6 and later: libxl's and libxenguest's debug lines and what both ends
 * of the handshake say (tools/xl/xl_migrate.c; "successsfully" is its spelling). Passes come from
 * `Frames iteration N: done/total` (tools/libs/guest/xg_sr_save.c), which xl hides unless progress
 * is shown; the total is the dirty count that Xen's policy saw. The stop-and-copy repeats the label
 * of the pass before when the policy stopped at a small set. xenguest of XCP-ng writes the same
 * lines as "done of total".
 *
 * Lines that say nothing of these are other parts' debug output and are passed over.
 */
import type { LogImporter } from "./log-format.js";
import type { LogSource } from "./log-source.js";
import { type Draft, newDraft, type ObservedPass } from "./observed-migration.js";
import { nsOfSec, stamped, wholeNumber } from "./values.js";

export const xl: LogImporter = {
  name: "xl",
  title: "xl -vvv migrate (libxl, libxenguest)",
  mark: /Frames iteration \d|libxl: debug: |migration (sender|target): |Saving domain \d+, type/,
  read(source) {
    const draft = newDraft("xl", "xen");
    new XlReader(draft, source).read();
    return draft;
  },
};

const FRAMES = /Frames iteration (\d+)\b/;
const COUNTS = /Frames iteration \d+: (\d+) ?(?:\/|of) ?(\d+) /;

interface Round {
  readonly label: number;
  readonly total: number;
  readonly paused: boolean;
  readonly line: number;
  done: number;
  endLine: number;
  startSec: number | undefined;
  endSec: number | undefined;
}

/** What the log says of the hand-over, in its order. */
const EVENTS: readonly (readonly [keyof Instants, RegExp])[] = [
  ["saving", /xc: info: Saving domain \d+/],
  ["request", /issuing .{0,60}suspend request/],
  ["suspended", /guest has suspended/],
  ["pausedCopy", /Domain now suspended|: waiting for suspend/],
  ["streamEnd", /progress: End of stream/],
  ["restored", /xc: info: Restore successful/],
  ["started", /migration target: Domain started succes+fully/],
];

interface Instants {
  saving?: Moment;
  request?: Moment;
  suspended?: Moment;
  pausedCopy?: Moment;
  streamEnd?: Moment;
  restored?: Moment;
  started?: Moment;
}

interface Moment {
  readonly atSec: number | undefined;
  readonly line: number;
}

class XlReader {
  private readonly rounds: Round[] = [];
  private readonly instants: Instants = {};
  private firstSec: number | undefined;
  private lastSec: number | undefined;

  constructor(
    private readonly draft: Draft,
    private readonly source: LogSource,
  ) {}

  read(): void {
    for (const [text, line] of this.source.entries()) this.take(text, line);
    const { draft, instants } = this;
    this.rounds.forEach((_, at) => {
      draft.passes.push(this.passOf(at));
    });
    this.downtime();
    const totalNs = this.since(this.lastSec);
    if (totalNs !== undefined && draft.outcome.value === "completed") {
      draft.totals.totalNs = { value: totalNs, line: draft.outcome.line };
    }
    if (/HVM|PVH/.test(draft.guest?.value ?? "")) {
      draft.notes.push("the first pass counts frames of the guest's address space, holes included");
    }
    const isHidden = this.rounds.length === 0 && instants.saving !== undefined;
    draft.notes.push(
      isHidden
        ? "xl hid the lines of its iterations (they are progress output), so passes are not known"
        : "each pass sends all that Xen counted as dirty; its page counts come without bytes",
    );
    if (this.firstSec === undefined) {
      draft.notes.push("its lines carry no time: add one while logging, as with `ts %.s`");
    }
  }

  private take(text: string, line: number): void {
    const stamp = stamped(text);
    const atSec = stamp?.atSec;
    if (FRAMES.test(text)) return this.frames(text, line, atSec);
    const { draft, instants } = this;
    for (const [name, pattern] of EVENTS) {
      if (instants[name] === undefined && pattern.test(text)) instants[name] = { atSec, line };
    }
    if (atSec !== undefined && /migration target: Ready|Saving (to|domain)/.test(text)) {
      this.firstSec ??= atSec;
    }
    const guest = /Saving domain (\d+), type (.+)$/.exec(text);
    if (guest !== null) draft.guest = { value: `domain ${guest[1]}, ${guest[2]}`, line };
    if (/\bMigration successful\b/.test(text)) {
      draft.outcome = { value: "completed", line };
      this.lastSec = atSec;
    }
    const error =
      /(?:xc: error: |libxl: error: |migration sender: .{0,200}(?:failed|error)).*$/.exec(text);
    if (error === null || draft.outcome.value === "completed") return;
    draft.stopReason ??= { value: error[0].trim(), line };
    draft.outcome = { value: "failed", line };
  }

  private frames(text: string, line: number, atSec: number | undefined): void {
    const match = COUNTS.exec(`${text} `);
    const label = wholeNumber(FRAMES.exec(text)?.[1]);
    const done = wholeNumber(match?.[1]);
    const total = wholeNumber(match?.[2]);
    if (label === undefined || done === undefined || total === undefined || done > total) {
      return this.source.bad(line, "the iteration's counts cannot be read");
    }
    const paused = this.instants.pausedCopy !== undefined;
    const last = this.rounds.at(-1);
    const same = last?.label === label && last.total === total && last.paused === paused;
    if (last !== undefined && label < last.label) {
      return this.source.bad(line, "iterations go back: give one log for each migration");
    }
    if (same && done >= last.done) {
      last.done = done;
      last.endLine = line;
      last.endSec = atSec;
      return;
    }
    // A live pass logs 0/total as it begins, the first and the last only their first batch.
    const begins = done === 0 ? atSec : this.beginOf(paused);
    this.rounds.push({
      ...{ label, total, paused, line, done, endLine: line },
      ...{ startSec: begins, endSec: atSec },
    });
  }

  private beginOf(paused: boolean): number | undefined {
    const { saving, pausedCopy } = this.instants;
    if (paused) return pausedCopy?.atSec;
    return this.rounds.length === 0 ? saving?.atSec : this.rounds.at(-1)?.endSec;
  }

  private passOf(at: number): ObservedPass {
    const round = this.rounds[at] as Round;
    const next = this.rounds[at + 1];
    const startNs = this.since(round.startSec);
    const sendingNs = between(round.startSec, round.endSec);
    // The last live pass's window ends when the guest stands still.
    const stillSec = next?.paused ? this.instants.suspended?.atSec : next?.startSec;
    const windowNs = round.paused ? sendingNs : between(round.startSec, stillSec);
    const pages = round.done;
    const hasHoles = at === 0 && /HVM|PVH/.test(this.draft.guest?.value ?? "");
    const bytes = pages * this.draft.pageBytes;
    return {
      number: at + 1,
      through: at + 1,
      phase: round.paused ? "pause" : "live",
      lines: [round.line, round.endLine],
      ...(startNs !== undefined && { startNs }),
      ...(windowNs !== undefined && { durationNs: windowNs }),
      ...(sendingNs !== undefined && { sendingNs }),
      sentPages: pages,
      ...(next !== undefined && { dirtiedPages: next.total }),
      ...(sendingNs !== undefined &&
        sendingNs > 0 &&
        !hasHoles && { bandwidthBytesPerSec: (bytes * 1e9) / sendingNs }),
    };
  }

  /** From the request to suspend to the target's word that the guest runs. */
  private downtime(): void {
    const { request, suspended, streamEnd, restored, started } = this.instants;
    const { downtime } = this.draft;
    const part = (name: string, from: Moment | undefined, to: Moment | undefined) => {
      const value = between(from?.atSec, to?.atSec);
      if (value !== undefined) downtime.parts.push({ name, value, line: (to as Moment).line });
    };
    part("the guest suspends", request, suspended);
    part("the rest is read, sent and written", suspended, streamEnd ?? restored);
    if (streamEnd !== undefined) part("the target restores its state", streamEnd, restored);
    part("handshake and start at the target", restored ?? streamEnd, started);
    const value = between(request?.atSec, started?.atSec);
    if (value !== undefined) downtime.realNs = { value, line: (started as Moment).line };
  }

  private since(atSec: number | undefined): number | undefined {
    return between(this.firstSec ?? this.instants.saving?.atSec, atSec);
  }
}

function between(fromSec: number | undefined, toSec: number | undefined): number | undefined {
  if (fromSec === undefined || toSec === undefined || toSec < fromSec) return undefined;
  return nsOfSec(toSec - fromSec);
}

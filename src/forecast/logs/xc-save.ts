/**
 * Lines of xc_save (Xen 2.0 to 4.5) as xend.log, `xl -v migrate` or xl's stderr keep them:
 * `N: sent S, skipped K, delta Tms, ..., sent XMb/s, dirtied YMb/s P pages`, the figures alone
 * (`delta Tms, dom0 ...`) where Xen 4 splits them off, and `Saving memory: iter N (last sent S
 * skipped K)`. Source: print_stats and the main loop of tools/libxc/xc_linux_save.c,
 * xc_domain_save.c. Mb/s are pages x 4,096 / (ms x 125), cut to a whole number.
 */
import { XEN2005_FACTOR_MAX, XEN2005_ITERATIONS_MAX } from "../../policy/presets/xen2005.js";
import type { LogImporter } from "./log-format.js";
import type { LogSource } from "./log-source.js";
import { type Draft, newDraft, type ObservedPass } from "./observed-migration.js";
import { nsOfMs, stamped, wholeNumber } from "./values.js";

export const xcSave: LogImporter = {
  name: "xc-save",
  title: "xc_save lines of Xen 4.5 and before (xend.log, xl -v migrate)",
  mark: /delta \d+ms, dom0 |Saving memory( pages)?: iter \d|\d+: sent \d+, skipped \d+/,
  read(source) {
    const draft = newDraft("xc-save", "xen2005");
    new XcSaveReader(draft, source).read();
    return draft;
  },
};

const SENT = /(?:^|[^\w])(\d+): sent (\d+), skipped (\d+),/;
const STATS =
  /delta (\d+)ms, dom0 -?\d+%, target -?\d+%, sent (-?\d+)Mb\/s, dirtied (-?\d+)Mb\/s (\d+) pages/;
const PROGRESS = /Saving memory(?: pages)?: iter (\d+) \(last sent (\d+) skipped (\d+)\)/;
const P2M = /Saving memory[^/]{0,80}: (\d+)\/(\d+)/;

type Writable<T> = { -readonly [K in keyof T]: T[K] };

class XcSaveReader {
  private readonly passes: Writable<ObservedPass>[] = [];
  private lastLine: number | undefined;
  private startSec: number | undefined;

  constructor(
    private readonly draft: Draft,
    private readonly source: LogSource,
  ) {}

  read(): void {
    for (const [text, line] of this.source.entries()) this.take(text, line);
    const { draft, passes } = this;
    if (passes.length === 0) this.source.refuse("bad-input", "no pass of xc_save is in this log");
    let startNs: number | undefined = 0;
    let before = 0;
    for (const pass of passes) {
      // Excerpts leave passes out: when those after the gap began is not known.
      if (pass.number !== before + 1 && before > 0) startNs = undefined;
      before = pass.number;
      const { sentPages, durationNs } = pass;
      if (startNs !== undefined) pass.startNs = startNs;
      startNs =
        durationNs === undefined || startNs === undefined ? undefined : startNs + durationNs;
      if (sentPages !== undefined && durationNs !== undefined && durationNs > 0) {
        pass.bandwidthBytesPerSec = (sentPages * draft.pageBytes * 1e9) / durationNs;
      }
    }
    draft.passes.push(...passes);
    draft.notes.push(
      "xc_save counts pages, not bytes; pages that were written again before their turn are skipped",
      `its rule: at most ${XEN2005_ITERATIONS_MAX} passes, fewer than 50 pages sent and skipped, or ` +
        `${XEN2005_FACTOR_MAX} times the memory sent; Xen 4 left out the clause about the rate`,
    );
  }

  private take(text: string, line: number): void {
    const sent = SENT.exec(text);
    const stats = STATS.exec(text);
    const progress = PROGRESS.exec(text);
    this.begin(text);
    if (sent !== null) this.sent(sent, line);
    else if (progress !== null) this.progress(progress, line);
    if (stats !== null) this.stats(stats, line);
    const garbled =
      (stats === null && /delta \d*m?s?,? ?(dom0|$)/.test(text)) ||
      (sent === null && /\d+: sent /.test(text)) ||
      (progress === null && /iter \d* ?\(last/.test(text));
    if (garbled) this.source.bad(line, "the figures of a pass cannot be read");
    const pages = wholeNumber(P2M.exec(text)?.[2]);
    if (pages !== undefined && pages > 0) {
      this.draft.memoryBytes ??= { value: pages * this.draft.pageBytes, line };
    }
    this.end(text, line);
  }

  private begin(text: string): void {
    if (/Saving memory/.test(text)) this.startSec ??= stamped(text)?.atSec;
  }

  private sent(match: RegExpExecArray, line: number): void {
    const [number, sentPages, skippedPages] = match.slice(1).map(wholeNumber);
    if (number === undefined || sentPages === undefined || skippedPages === undefined) {
      return this.source.bad(line, "the figures of a pass are out of range");
    }
    this.pass(number, line, { sentPages, skippedPages });
  }

  /** "iter N (last sent S skipped K)" begins pass N + 1 and tells of pass N: it counts from 0. */
  private progress(match: RegExpExecArray, line: number): void {
    const [next, sentPages, skippedPages] = match.slice(1).map(wholeNumber);
    if (next === undefined || sentPages === undefined || skippedPages === undefined) {
      return this.source.bad(line, "the figures of a pass are out of range");
    }
    if (next > 0) this.pass(next, line, { sentPages, skippedPages });
    this.pass(next + 1, line, {});
  }

  private stats(match: RegExpExecArray, line: number): void {
    const [deltaMs, dirtiedPages] = [wholeNumber(match[1]), wholeNumber(match[4])];
    const durationNs = nsOfMs(deltaMs);
    if (durationNs === undefined || dirtiedPages === undefined) {
      return this.source.bad(line, "the figures of a pass are out of range");
    }
    let pass = this.passes.at(-1);
    // Excerpts of the figures alone.
    if (pass === undefined || pass.durationNs !== undefined) {
      pass = this.pass((pass?.number ?? 0) + 1, line, {});
    }
    pass.durationNs = durationNs;
    pass.lines = [pass.lines[0], line];
    if (pass.phase === "live") pass.dirtiedPages = dirtiedPages;
  }

  private pass(
    number: number,
    line: number,
    figures: Pick<ObservedPass, "sentPages" | "skippedPages">,
  ): Writable<ObservedPass> {
    const last = this.passes.at(-1);
    const known = this.passes.find((pass) => pass.number === number);
    if (known !== undefined) return Object.assign(known, figures);
    const phase = this.lastLine === undefined ? "live" : "pause";
    const pass: Writable<ObservedPass> = {
      ...{ number, through: number, phase, lines: [line, line] },
      ...figures,
    };
    if (last !== undefined && number < last.number) {
      this.source.bad(line, "passes go back: give one log for each migration");
      return pass;
    }
    this.passes.push(pass);
    return pass;
  }

  private end(text: string, line: number): void {
    const { draft } = this;
    if (/Start last iteration/.test(text)) this.lastLine = line;
    if (/All memory is saved|Save exit rc=0|Migration successful/.test(text)) {
      draft.outcome = { value: "completed", line };
      const endSec = stamped(text)?.atSec;
      if (endSec !== undefined && this.startSec !== undefined && endSec >= this.startSec) {
        draft.totals.totalNs = { value: Math.round((endSec - this.startSec) * 1e9), line };
      }
    }
    const total = /Total pages sent= ?(\d+)/.exec(text);
    const pages = wholeNumber(total?.[1]);
    if (pages !== undefined) draft.totals.dataPages = { value: pages, line };
    if (/Save exit rc=[1-9]|Error when writing|appears not to have suspended/.test(text)) {
      draft.outcome = { value: "failed", line };
      draft.stopReason ??= { value: text.trim().slice(0, 200), line };
    }
  }
}

/**
 * QEMU's answers about a dirty rate, however they came (QMP, HMP, libvirt). Source: QEMU
 * migration/dirtyrate.c, qapi/migration.json (DirtyRateInfo).
 *
 * - What is called MB/s are whole MiB/s, cut: pages or sampled blocks are shifted right by 20 bits,
 *   or counted in blocks of 2^20 bytes, and divided as integers.
 * - A page counts once, however often it is written in the window: rate x window is D(window).
 * - Page sampling compares hashes of contents, and leaves blocks below 128 MiB out; without any
 *   other it ends as measured with a rate of -1.
 * - With the dirty ring the guest's rate is the sum of its VCPUs', each cut.
 * - The window is told in whole seconds, unless milliseconds are asked for (8.2 and later).
 * - Asked twice, QEMU tells the same measurement twice.
 */
import type { MeasureMode } from "./dirty-rates.js";
import type { Measured, RateDraft } from "./rate-draft.js";

/** Samples per GiB where nobody asked for others; libvirt and KubeVirt never do. */
export const DEFAULT_SAMPLE_PAGES = 512;

export const MIB = 2 ** 20;

export interface QemuAnswer {
  readonly line: number;
  readonly guest?: string | undefined;
  readonly status: string;
  readonly mode?: string | undefined;
  readonly windowSec?: number | undefined;
  readonly startSec?: number | undefined;
  readonly samplePagesPerGib?: number | undefined;
  /** -1 where nothing could be measured. */
  readonly mibPerSec?: number | undefined;
  readonly vcpus?: readonly { readonly id: number; readonly mibPerSec: number }[] | undefined;
}

export class QemuAnswers {
  private readonly pending = { measuring: 0, unstarted: 0 };
  private readonly seen = new Set<string>();
  private failed = 0;
  private short = 0;
  private repeated = 0;

  constructor(private readonly draft: RateDraft) {}

  take(answer: QemuAnswer): void {
    const { line, status, mibPerSec, windowSec, mode } = answer;
    const { source } = this.draft;
    if (status === "measuring" || status === "unstarted") {
      this.pending[status]++;
      return;
    }
    if (status !== "measured") return source.bad(line, `its status is "${status}"`);
    if (mibPerSec === undefined) return source.bad(line, "it is measured, but tells no rate");
    if (windowSec === undefined) return source.bad(line, "it does not tell the window");
    if (!isMode(mode)) return source.bad(line, `its mode is "${mode}"`);
    if (mibPerSec === -1) this.failed++;
    else if (windowSec === 0) this.short++;
    else if (this.isRepeated(answer)) this.repeated++;
    else this.draft.add(readingOf(answer, { mibPerSec, windowSec, mode }));
  }

  /** Notes on what was left out and on how it was measured. */
  end(): void {
    const { draft, failed, short, repeated } = this;
    for (const [status, count] of Object.entries(this.pending)) {
      if (count === 0) continue;
      const next = status === "measuring" ? "ask again after the window" : "start a measurement";
      draft.note(`${answers(count)} ${status}, without a rate: left out (${next})`);
    }
    if (failed > 0) {
      draft.note(
        `${answers(failed)} measured with a rate of -1: left out (page sampling takes blocks of ` +
          "memory of 128 MiB and more; use dirty-bitmap)",
      );
    }
    if (short > 0) {
      draft.note(
        `${answers(short)} over a window told as 0 s: left out (ask with calc-time-unit millisecond)`,
      );
    }
    if (repeated > 0) draft.note(`${answers(repeated)} of a measurement that was told before`);
    noteModes(draft);
  }

  private isRepeated({ guest, startSec, windowSec, mode, mibPerSec }: QemuAnswer): boolean {
    if (startSec === undefined) return false;
    const key = JSON.stringify([guest, startSec, windowSec, mode, mibPerSec]);
    if (this.seen.has(key)) return true;
    this.seen.add(key);
    return false;
  }
}

const answers = (count: number) => (count === 1 ? "1 answer" : `${count} answers`);

function isMode(mode: string | undefined): mode is MeasureMode | undefined {
  return mode === undefined || /^(page-sampling|dirty-bitmap|dirty-ring)$/.test(mode);
}

function readingOf(
  { line, guest, startSec, samplePagesPerGib, vcpus = [] }: QemuAnswer,
  {
    mibPerSec,
    windowSec,
    mode,
  }: { mibPerSec: number; windowSec: number; mode: MeasureMode | undefined },
): Measured {
  const sampled = mode === "page-sampling" && samplePagesPerGib !== undefined;
  return {
    line,
    ...(guest !== undefined && { guest }),
    windowSec,
    bytesPerSec: mibPerSec * MIB,
    ...(startSec !== undefined && { atSec: startSec }),
    ...(mode !== undefined && { mode }),
    ...(sampled && samplePagesPerGib > 0 && { samplePagesPerGib }),
    ...(vcpus.length > 0 && {
      vcpus: vcpus.map((one) => ({ id: one.id, bytesPerSec: one.mibPerSec * MIB })),
    }),
    resolutionBytesPerSec: Math.max(1, vcpus.length) * MIB,
  };
}

/** What each way of measuring does not see, or sees twice. */
export function noteModes(draft: RateDraft): void {
  const { readings } = draft;
  const has = (mode: MeasureMode) => readings.some((one) => one.mode === mode);
  if (readings.some((one) => one.bytesPerSec === 0)) {
    draft.note("0 MB/s is less than 1 MiB/s: QEMU tells whole MiB/s, cut");
  }
  if (has("page-sampling")) {
    draft.note(
      "page sampling compares contents: pages written with what they held do not count, nor do " +
        "blocks of memory below 128 MiB",
    );
  }
  if (has("dirty-ring")) {
    draft.note("a page that is written again after its dirty ring was harvested counts twice");
  }
}

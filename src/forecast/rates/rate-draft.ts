/** Readings in the making: what an importer found, in range and with what follows from it. */
import { PAGE_SIZE_BYTES } from "../../base/units.js";
import type { LogSource } from "../logs/log-source.js";
import type { DirtyRateReading } from "./dirty-rates.js";

/** QEMU measures up to a minute. */
const WINDOW_SEC_MIN = 1e-3;
const WINDOW_SEC_MAX = 86_400;
/** More than any memory takes. */
const BYTES_PER_SEC_MAX = 2 ** 44;
const GIB = 2 ** 30;

/** What was read; the rest of a reading follows from it. */
export type Measured = Omit<DirtyRateReading, "pagesPerWindow" | "standardErrorBytesPerSec">;

export class RateDraft {
  readonly readings: DirtyRateReading[] = [];
  readonly notes: string[] = [];

  constructor(readonly source: LogSource) {}

  /** Takes the reading, or its line for a bad one. */
  add(measured: Measured): void {
    const { line, windowSec, bytesPerSec } = measured;
    const problem = outOfRange(windowSec, bytesPerSec);
    if (problem !== undefined) this.source.bad(line, problem);
    else this.readings.push(wholeReading(measured));
  }

  /** A note, once. */
  note(text: string): void {
    if (!this.notes.includes(text)) this.notes.push(text);
  }
}

export function wholeReading(measured: Measured): DirtyRateReading {
  const standardError = samplingError(measured);
  return {
    ...measured,
    pagesPerWindow: (measured.bytesPerSec * measured.windowSec) / PAGE_SIZE_BYTES,
    ...(standardError !== undefined && { standardErrorBytesPerSec: standardError }),
  };
}

export function outOfRange(windowSec: number, bytesPerSec: number): string | undefined {
  if (!(windowSec >= WINDOW_SEC_MIN && windowSec <= WINDOW_SEC_MAX)) {
    return `a window of ${windowSec} s; known are ${WINDOW_SEC_MIN} to ${WINDOW_SEC_MAX} s`;
  }
  if (bytesPerSec >= 0 && bytesPerSec <= BYTES_PER_SEC_MAX) return undefined;
  return `a dirty rate of ${bytesPerSec} bytes a second; known are 0 to 2^44`;
}

/**
 * Each sampled page that was dirty stands for 1 GiB / samples: k of them have an error of sqrt(k),
 * and none one of a page.
 */
function samplingError({
  mode,
  samplePagesPerGib = 0,
  windowSec,
  bytesPerSec,
}: Measured): number | undefined {
  if (mode !== "page-sampling" || !(samplePagesPerGib > 0)) return undefined;
  const onePerSec = GIB / samplePagesPerGib / windowSec;
  return onePerSec * Math.sqrt(Math.max(1, bytesPerSec / onePerSec));
}

/** What `precopy observe` asks the forecast: QEMU's settings and measured windows in its terms. */
import { PAGE_SIZE_BYTES } from "../../base/units.js";
import type { DirtyPoint } from "../../fluid/index.js";
import { type Forecast, forecast } from "../../forecast/index.js";
import { qemu72 } from "../../policy/presets/qemu72.js";
import { qemu102 } from "../../policy/presets/qemu102.js";

export interface ObservedSettings {
  readonly qemuMajor: number;
  readonly memoryBytes: number;
  readonly zeroShare: number;
  /** What the link carries; undefined: nobody said, and max-bandwidth is taken for it. */
  readonly linkBytesPerSec: number | undefined;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly capabilities: Readonly<Record<string, boolean>>;
  readonly postCopyAfterSyncs?: number;
}

/** Faster than any link: a manager that lifts the limit writes such figures. */
const NO_LIMIT_BYTES_PER_SEC = 1e11;
const DOWNTIME_LIMIT_MS = 300;
const MAX_BANDWIDTH = 134_217_728;
/** Change what goes over the wire, or the guest, and are not in the forecast. */
const LEFT_OUT = ["xbzrle", "multifd", "compress", "dirty-limit", "x-colo"];

export interface ObservedForecast {
  readonly forecast: Forecast | undefined;
  /** What it does not know, and why there is none. */
  readonly words: readonly string[];
}

/** The one place that knows the form of the forecast's input. */
export function forecastOf(
  settings: ObservedSettings,
  windows: readonly DirtyPoint[],
): ObservedForecast {
  const { memoryBytes, zeroShare, parameters, capabilities, postCopyAfterSyncs } = settings;
  const link = linkOf(settings);
  const words: string[] = [];
  if (link.linkBytesPerSec === undefined) {
    return { forecast: undefined, words: ["max-bandwidth is no limit: say --bandwidth"] };
  }
  const leftOut = LEFT_OUT.filter((name) => capabilities[name] === true);
  if (leftOut.length > 0) words.push(`${leftOut.join(", ")}: on, and left out of the forecast`);
  if (settings.linkBytesPerSec === undefined) words.push("max-bandwidth stands for the link");
  const pages = Math.max(1, Math.round(memoryBytes / PAGE_SIZE_BYTES));
  return {
    words,
    forecast: forecast({
      pages,
      zeroShare,
      dirtied: risingPoints(windows, Math.floor(pages * (1 - zeroShare))),
      linkBytesPerSec: link.linkBytesPerSec,
      maxBandwidthBytesPerSec: link.maxBandwidthBytesPerSec,
      downtimeLimitMs: positive(parameters["downtime-limit"]) ?? DOWNTIME_LIMIT_MS,
      autoConverge: capabilities["auto-converge"] === true,
      ...(postCopyAfterSyncs !== undefined && { postCopyAfterSyncs }),
      preset: settings.qemuMajor >= 8 ? qemu102 : qemu72,
    }),
  };
}

/** `linkBytesPerSec` is undefined where neither the caller nor QEMU tells a limit. */
export function linkOf({ linkBytesPerSec, parameters }: ObservedSettings): {
  readonly linkBytesPerSec: number | undefined;
  readonly maxBandwidthBytesPerSec: number;
} {
  const limit = positive(parameters["max-bandwidth"]) ?? MAX_BANDWIDTH;
  const isLimit = limit < NO_LIMIT_BYTES_PER_SEC;
  const link = linkBytesPerSec ?? (isLimit ? limit : undefined);
  return {
    linkBytesPerSec: link,
    maxBandwidthBytesPerSec: Math.min(limit, NO_LIMIT_BYTES_PER_SEC),
  };
}

/**
 * Windows in ascending length, those of one length as their mean. A longer window cannot show fewer
 * pages than a shorter one: where it does, by chance of the sampling, it counts as many.
 */
export function risingPoints(windows: readonly DirtyPoint[], pagesMax: number): DirtyPoint[] {
  const bySec = new Map<number, number[]>();
  for (const { windowSec, pages } of windows) {
    bySec.set(windowSec, [...(bySec.get(windowSec) ?? []), pages]);
  }
  let least = 0;
  return [...bySec]
    .sort(([a], [b]) => a - b)
    .map(([windowSec, pages]) => {
      const mean = pages.reduce((sum, one) => sum + one, 0) / pages.length;
      least = Math.min(pagesMax, Math.max(least, mean));
      return { windowSec, pages: least };
    });
}

function positive(value: unknown): number | undefined {
  return typeof value === "number" && value > 0 ? value : undefined;
}

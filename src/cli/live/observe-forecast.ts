/** What `precopy observe` asks the forecast: QEMU's settings and measured windows in its terms. */
import { PAGE_SIZE_BYTES } from "../../base/units.js";
import type { DirtyPoint } from "../../fluid/index.js";
import { type Forecast, forecast } from "../../forecast/index.js";
import { qemuSettings } from "../../forecast/qemu-settings.js";
import { qemuStrategy } from "../../forecast/qemu-strategy.js";
import { RecordedFields } from "../../forecast/recorded-fields.js";
import { risingPools } from "../../forecast/rising-pools.js";

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
const LEFT_OUT = ["compress", "dirty-limit", "x-colo"];

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
  const { memoryBytes, zeroShare, parameters, capabilities } = settings;
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
      guest: { kind: "rates", pages, dirtied: pointsOf(windows, pages * (1 - zeroShare)) },
      content: { zeroShare },
      linkBytesPerSec: link.linkBytesPerSec,
      downtimeLimitMs: positive(parameters["downtime-limit"]) ?? DOWNTIME_LIMIT_MS,
      strategy: strategyOf(settings),
    }),
  };
}

/** What QEMU is set to, as a name. */
export function strategyOf(settings: ObservedSettings): string {
  const { parameters, capabilities, postCopyAfterSyncs, qemuMajor: major } = settings;
  const { maxBandwidthBytesPerSec } = linkOf(settings);
  const known = qemuSettings(RecordedFields.of(parameters));
  return qemuStrategy({
    major,
    settings: { ...known, maxBandwidthBytesPerSec },
    caps: new Set(Object.keys(capabilities).filter((name) => capabilities[name] === true)),
    ...(postCopyAfterSyncs !== undefined && { postCopyAfterSyncs }),
  });
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

/** By ascending windows; what chance of the sampling has put the wrong way round is levelled. */
export function pointsOf(windows: readonly DirtyPoint[], pagesMax: number): DirtyPoint[] {
  return risingPools(windows).map(({ windowSec, pages }) => ({
    windowSec,
    pages: Math.min(Math.floor(pagesMax), pages),
  }));
}

function positive(value: unknown): number | undefined {
  return typeof value === "number" && value > 0 ? value : undefined;
}

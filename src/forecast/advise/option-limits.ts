/** The two limits that cost least: the downtime's, and the bandwidth's, with the link behind it. */
import { formatDuration, formatRate } from "../../base/units.js";
import { downtimeMostMs } from "./goals.js";
import {
  askedLimitMs,
  bandwidthChange,
  bandwidthLimit,
  LIMIT_MS_MAX,
  limitChange,
  MIB,
} from "./knobs.js";
import { type Finding, option, rejected } from "./option.js";
import { smallest } from "./smallest.js";
import type { Change, Trials } from "./trials.js";

const ms = (value: number) => formatDuration(Math.round(value) * 1e6);

/** What stopping and resuming take beside the limit: the highest limit that is worth trying. */
const LIMIT_SHARE = 0.95;
const LIMIT_STEP = 3;
/** A shorter pause than was asked for is looked for from so far below what is accepted. */
const LIMIT_DEPTH = 27;

/** The largest limit that can keep what is wanted. */
export function largestLimitMs({ wanted }: Trials): number {
  return Math.max(1, Math.min(LIMIT_MS_MAX, Math.floor(downtimeMostMs(wanted) * LIMIT_SHARE)));
}

export function downtimeLimit(trials: Trials): Finding {
  const { wanted, settings, input } = trials;
  const change = (value: number) => limitChange(trials, value) as Change;
  if (limitChange(trials, 1) === undefined) {
    const isDoubled = settings.manager?.factory.name === "proxmox";
    const why = isDoubled ? "Proxmox doubles it until it fits" : "its loop has none";
    return rejected("downtime-limit", why);
  }
  const asked = askedLimitMs(input, settings);
  const largest = largestLimitMs(trials);
  const from = asked < largest ? asked : Math.max(1, Math.floor(largest / LIMIT_DEPTH));
  const ladder = { step: LIMIT_STEP, round: Math.ceil };
  const within =
    wanted.downtimeSaid || asked < largest
      ? smallest({ ...ladder, from, to: largest }, (value, depth) => {
          return trials.judge(change(value), depth).meets;
        })
      : undefined;
  if (within !== undefined) {
    const what = `a downtime limit of ${ms(within)} in place of ${ms(asked)}`;
    return option("downtime-limit", trials, { what, change: change(within) });
  }
  const needed = smallest(
    { ...ladder, from: Math.max(asked, largest), to: LIMIT_MS_MAX },
    (value, depth) => {
      // By itself: a manager that pauses the guest in the end makes any limit move it.
      return trials.converges(change(value), depth) && trials.judge(change(value), depth).total;
    },
  );
  if (needed === undefined) {
    return rejected("downtime-limit", `none up to QEMU's ${ms(LIMIT_MS_MAX)} is enough`);
  }
  const { downtimeMs } = trials.forecast(change(needed));
  const tooLong = `up to ${ms(downtimeMs.high)} of downtime, ${ms(wanted.downtimeMs)} are accepted`;
  return option("downtime-limit", trials, {
    what: `a downtime limit of ${ms(needed)} in place of ${ms(asked)}`,
    change: change(needed),
    notes: trials.judge(change(needed)).downtime ? [] : [tooLong],
  });
}

/** No link of today carries more for one guest. */
export const LINK_BYTES_PER_SEC_MAX = 50e9;
const LINK_STEP = 2;
const roundRate = (bytesPerSec: number) => Math.ceil(bytesPerSec / MIB) * MIB;

export function bandwidthLimitOption(trials: Trials): Finding {
  const { settings, input } = trials;
  const limit = bandwidthLimit(settings);
  const link = input.linkBytesPerSec;
  if (!Number.isFinite(limit)) return rejected("bandwidth-limit", "there is none: the link binds");
  if (limit >= link) {
    const limits = `the link of ${formatRate(link)} binds, below the limit of ${formatRate(limit)}`;
    return rejected("bandwidth-limit", limits);
  }
  const change = (value: number) => bandwidthChange(trials, value);
  const found = smallest(
    { from: limit, to: roundRate(link), step: LINK_STEP, round: roundRate },
    (value, depth) => trials.judge(change(value), depth).meets,
  );
  if (found === undefined) {
    return rejected(
      "bandwidth-limit",
      `lifting it to the link's ${formatRate(link)} is not enough`,
    );
  }
  return option("bandwidth-limit", trials, {
    what:
      `a bandwidth limit of ${found / MIB} MiB/s in place of ${rateInMib(limit)}: ` +
      "the limit binds, not the link",
    change: change(found),
  });
}

function rateInMib(bytesPerSec: number): string {
  return `${Number((bytesPerSec / MIB).toPrecision(4))} MiB/s`;
}

export function fasterLink(trials: Trials): Finding {
  const { settings, input } = trials;
  const link = input.linkBytesPerSec;
  const limit = bandwidthLimit(settings);
  const change = (bytesPerSec: number): Change => ({
    ...(limit < bytesPerSec && bandwidthChange(trials, bytesPerSec)),
    linkBytesPerSec: bytesPerSec,
  });
  if (limit < link && trials.meets(bandwidthChange(trials, link))) {
    return rejected("link", "not needed: its limit binds, not the link");
  }
  if (link >= LINK_BYTES_PER_SEC_MAX) return rejected("link", "no link is faster");
  const found = smallest(
    { from: link, to: LINK_BYTES_PER_SEC_MAX, step: LINK_STEP, round: roundRate },
    (value, depth) => trials.judge(change(value), depth).meets,
  );
  if (found === undefined) {
    return rejected("link", `none up to ${formatRate(LINK_BYTES_PER_SEC_MAX)} is enough`);
  }
  const lifted = limit < found ? `, and a bandwidth limit of ${Math.ceil(found / MIB)} MiB/s` : "";
  return option("link", trials, {
    what: `a link that carries ${formatRate(found)} of payload in place of ${formatRate(link)}${lifted}`,
    change: change(found),
  });
}

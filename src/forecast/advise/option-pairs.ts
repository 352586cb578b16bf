/**
 * Two changes at once, where no single one is enough: the first is made as far as it is free, the
 * second is the smallest that suffices on top.
 */
import { formatDuration, formatRate } from "../../base/units.js";
import { askedLimitMs, bandwidthChange, bandwidthLimit, limitChange, MIB } from "./knobs.js";
import { COSTS, type Finding, isOption, type Option, type Proposal } from "./option.js";
import { compression, xbzrle } from "./option-codecs.js";
import { downtimeLimit, largestLimitMs } from "./option-limits.js";
import { postCopy } from "./option-post-copy.js";
import { autoConverge, throttleChange } from "./option-throttle.js";
import { timeOut } from "./option-timeout.js";
import { Trials } from "./trials.js";

interface First extends Proposal {
  readonly cost: string;
  readonly seconds: readonly ((trials: Trials) => Finding)[];
}

/** So many are enough to choose from. */
const PAIRS_MAX = 2;

export function twoChanges(trials: Trials): Option[] {
  const found: Option[] = [];
  for (const first of firsts(trials)) {
    const after = new Trials(trials.changed(first.change), trials.wanted, trials.lacks);
    for (const look of first.seconds) {
      if (found.length === PAIRS_MAX) return found;
      const second = look(after);
      if (!isOption(second) || !second.meets) continue;
      if (trials.lacks(after.changed(second.change)).length > 0) continue;
      found.push({
        ...second,
        kind: "two-changes",
        costRank: Object.keys(COSTS).indexOf("two-changes") + 1,
        cost: [first.cost, second.cost].join("; "),
        what: `${first.what}, and ${second.what}`,
        change: { ...first.change, ...second.change },
      });
    }
  }
  return found;
}

function firsts(trials: Trials): First[] {
  const { settings, input } = trials;
  const all: First[] = [];
  const limit = bandwidthLimit(settings);
  const link = input.linkBytesPerSec;
  if (limit < link) {
    all.push({
      what: `a bandwidth limit of ${Math.ceil(link / MIB)} MiB/s, the link's ${formatRate(link)}`,
      change: bandwidthChange(trials, link),
      cost: COSTS["bandwidth-limit"],
      seconds: [downtimeLimit, timeOut, autoConverge, xbzrle, compression, postCopy],
    });
  }
  const largest = largestLimitMs(trials);
  const limited = limitChange(trials, largest);
  if (limited !== undefined && largest > askedLimitMs(input, settings)) {
    all.push({
      what: `a downtime limit of ${formatDuration(largest * 1e6)}`,
      change: limited,
      cost: COSTS["downtime-limit"],
      seconds: [timeOut, autoConverge, xbzrle, compression],
    });
  }
  const throttled = throttleChange(trials);
  if (typeof throttled !== "string") {
    const cost = COSTS["auto-converge"];
    all.push({ what: "auto-converge", change: throttled, cost, seconds: [timeOut, xbzrle] });
  }
  return all;
}

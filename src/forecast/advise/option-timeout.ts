/** Time-outs that cut a migration off which would end if it were let: how long it has to be given. */
import { formatDuration } from "../../base/units.js";
import { kubevirtTimeoutSec } from "../../policy/managers/kubevirt.js";
import { NOVA_GIB_MIN } from "../../policy/managers/nova.js";
import { askedLimitMs, memoryBytesOf } from "./knobs.js";
import { type Finding, option, rejected } from "./option.js";
import { withParams } from "./strategy-edit.js";
import type { Change, Trials } from "./trials.js";

/** Longer is not waited for, seconds. */
const WAIT_SEC_MAX = 2 * 86_400;
/** Polls come late: so much more than the forecast's end, seconds. */
const LATE_SEC = 1;
/** Whole units more, where the last look wants them. */
const MORE_TRIES = 4;

/** A time-out in the units of who has it. */
interface TimeOut {
  readonly off: Change;
  /** The smallest setting that lasts so long. */
  unitsFor(sec: number): number;
  of(units: number): { readonly change: Change; readonly what: string };
}

export function timeOut(trials: Trials): Finding {
  const found = timeOutOf(trials);
  if (found === undefined) return rejected("timeout", noneWords(trials));
  if (settles(trials)) return rejected("timeout", "passes do not shrink: more time does not help");
  if (!trials.judge(found.off, "usual").meets) {
    const { moves } = trials.judge(found.off, "usual");
    const why = moves
      ? "without one it ends, but not within what is wanted"
      : "it does not end in 48 h";
    return rejected("timeout", why);
  }
  const { totalMs } = trials.forecast(found.off);
  if (!trials.judge(found.off).meets) {
    return rejected("timeout", "without one it ends in too few circumstances");
  }
  let units = found.unitsFor(totalMs.high / 1000 + LATE_SEC);
  for (let tries = 0; tries < MORE_TRIES; tries++, units++) {
    const { change, what } = found.of(units);
    if (trials.judge(change).meets) return option("timeout", trials, { what, change });
  }
  return rejected("timeout", `a longer one of ${found.of(units).what} is not enough`);
}

/** What a settled pass leaves is more than the limit holds, and nobody raises the limit. */
function settles(trials: Trials): boolean {
  const { settings, input } = trials;
  const { manager } = settings;
  const isRaised = manager?.params.ramp === true || manager?.params["stall-detector"] === true;
  if (isRaised || ["nova", "vdsm"].includes(manager?.factory.name ?? "")) return false;
  if (settings.autoConverge !== undefined) return false;
  const { plateau, convergesShare } = trials.forecast();
  if (plateau === undefined || convergesShare > 0) return false;
  return plateau.passSec * 1000 > askedLimitMs(input, settings);
}

function noneWords({ settings }: Trials): string {
  const { manager, preset } = settings;
  if (manager === undefined) return `nobody cuts ${preset.name}'s loop off`;
  return `${manager.factory.name} has none: it goes by other rules`;
}

function timeOutOf(trials: Trials): TimeOut | undefined {
  const { settings, name, input } = trials;
  const { manager, preset } = settings;
  const bytes = memoryBytesOf(input);
  const timeoutMs = WAIT_SEC_MAX * 1000;
  const set = (owner: string, params: Record<string, string>): Change => ({
    strategy: withParams(name, owner, params),
  });
  switch (manager?.factory.name) {
    case "kubevirt": {
      const stuck = { "progress-timeout": "0" };
      const gigabytes = kubevirtTimeoutSec(bytes, 1);
      const was = `${manager.params["completion-timeout"]}`;
      // What cuts it off is told by which of the two has to go.
      const needsBoth = !trials.judge(set("kubevirt", { "completion-timeout": "0" }), "usual")
        .moves;
      const more = needsBoth ? stuck : {};
      return {
        off: { ...set("kubevirt", { "completion-timeout": "0", ...more }), timeoutMs },
        unitsFor: (sec) => Math.ceil((sec + 1) / gigabytes),
        of: (units) => ({
          change: set("kubevirt", { "completion-timeout": `${units}`, ...more }),
          what:
            `completionTimeoutPerGiB ${units} s in place of ${was} s` +
            (needsBoth ? ", and no progressTimeout" : ""),
        }),
      };
    }
    case "nova": {
      const gib = Math.max(NOVA_GIB_MIN, bytes / 2 ** 30);
      const was = `${manager.params.timeout}`;
      return {
        off: { ...set("nova", { timeout: "0" }), timeoutMs },
        unitsFor: (sec) => Math.ceil((sec + 1) / gib),
        of: (units) => ({
          change: set("nova", { timeout: `${units}` }),
          what: `live_migration_completion_timeout ${units} s a GiB in place of ${was} s`,
        }),
      };
    }
    case "libvirt": {
      const was = formatDuration(manager.params.timeout as number);
      return {
        off: { ...set("libvirt", { timeout: `${WAIT_SEC_MAX}s` }), timeoutMs },
        unitsFor: Math.ceil,
        of: (units) => ({
          change: set("libvirt", { timeout: `${units}s` }),
          what: `--timeout ${units} s in place of ${was}`,
        }),
      };
    }
  }
  if (manager !== undefined) return undefined;
  if (preset.name === "cloud-hypervisor") {
    return {
      off: { ...set("cloud-hypervisor", { timeout: `${WAIT_SEC_MAX}s` }), timeoutMs },
      unitsFor: Math.ceil,
      of: (units) => ({
        change: { ...set("cloud-hypervisor", { timeout: `${units}s` }), timeoutMs },
        what: `timeout_s ${units}`,
      }),
    };
  }
  return {
    off: { timeoutMs },
    unitsFor: Math.ceil,
    of: (units) => ({ change: { timeoutMs: units * 1000 }, what: `${units} s to end in` }),
  };
}

/** Post-copy: it ends whatever the guest writes, and for how long a lost link would lose the guest. */
import { formatDuration } from "../../base/units.js";
import type { Forecast } from "../forecast.js";
import { memoryBytesOf } from "./knobs.js";
import { type Finding, option, rejected } from "./option.js";
import { withParams, withStrategy } from "./strategy-edit.js";
import type { Change, Trials } from "./trials.js";

const WIRE_PAGE_BYTES = 4104;

/**
 * From the switch to the last page: what a pass leaves, over the link, which QEMU uses whole then
 * (max-postcopy-bandwidth 0).
 */
export function exposureMs({ passes }: Forecast, linkBytesPerSec: number): number {
  const owed = passes.at(-1)?.unsentPages ?? 0;
  return (owed * WIRE_PAGE_BYTES * 1000) / linkBytesPerSec;
}

/** The change alone, or why it cannot be made. */
export function postCopyChange({ name, settings }: Trials): Change | string {
  const { manager, preset } = settings;
  if (settings.postCopyAfterSyncs !== undefined) return "is asked for already";
  if (preset.name === "cloud-hypervisor") {
    return "memory_mode=postcopy exists, but no forecast is made of it";
  }
  if (preset.loop !== "slots") return `${preset.name} has none`;
  switch (manager?.factory.name) {
    case undefined:
      return { strategy: withStrategy(name, "hybrid:rounds=1") };
    case "kubevirt":
      if (manager?.params["post-copy"] === true) return "is allowed already";
      return { strategy: withParams(name, "kubevirt", { "post-copy": true }) };
    case "nova": {
      if (manager?.params["post-copy"] === true) return "is permitted already";
      const params = { "post-copy": true, "timeout-action": "force-complete" } as const;
      return { strategy: withParams(name, "nova", params) };
    }
    case "libvirt":
      if (manager?.params.action === "postcopy") return "is asked for already";
      return { strategy: withParams(name, "libvirt", { action: "postcopy" }) };
    default:
      return `${manager?.factory.name} has no setting for it`;
  }
}

export function postCopy(trials: Trials): Finding {
  const change = postCopyChange(trials);
  if (typeof change === "string") return rejected("post-copy", change);
  const sooner = trials.judge(change).meets ? undefined : soonerSwitch(trials, change);
  const chosen = sooner?.change ?? change;
  const { moves } = trials.judge(chosen);
  if (!moves) return rejected("post-copy", "it does not end with it either");
  const usual = trials.forecast(chosen, "usual");
  const switches = trials.forecast(chosen).rules.some(({ rule }) => rule.includes("post-copy"));
  const took = formatDuration(Math.round(exposureMs(usual, trials.input.linkBytesPerSec)) * 1e6);
  const notes = switches
    ? [`a link or target lost in the last ${took} or so loses the guest; it waits for pages then`]
    : ["it ends before the switch"];
  return option("post-copy", trials, {
    what: `${WORDS[trials.settings.manager?.factory.name ?? ""] ?? WORDS[""]}${sooner?.what ?? ""}`,
    change: chosen,
    notes,
  });
}

const WORDS: Readonly<Record<string, string>> = {
  "": "post-copy after the first pass",
  kubevirt: "allowPostCopy, at the completion time-out",
  nova: "live_migration_permit_post_copy, at the completion time-out",
  libvirt: "--timeout-postcopy",
};

/** A manager switches at its time-out, which may be later than anybody wants to wait. */
function soonerSwitch(trials: Trials, { strategy = "" }: Change) {
  const { wanted, settings, input } = trials;
  const owner = settings.manager?.factory.name;
  if (owner === undefined || !Number.isFinite(wanted.totalMs)) return undefined;
  const firstPassSec = trials.forecast({}, "usual").passes[1]?.endMs;
  const sec = Math.ceil((firstPassSec ?? wanted.totalMs / 2) / 1000);
  const bytes = memoryBytesOf(input);
  const units: Readonly<Record<string, [string, string]>> = {
    kubevirt: ["completion-timeout", `${Math.max(1, Math.ceil(sec / Math.ceil(bytes / 1e9)))}`],
    nova: ["timeout", `${Math.max(1, Math.ceil(sec / Math.max(2, bytes / 2 ** 30)))}`],
    libvirt: ["timeout", `${sec}s`],
  };
  const [key, value] = units[owner] ?? [];
  if (key === undefined || value === undefined) return undefined;
  const change = { strategy: withParams(strategy as string, owner, { [key]: value }) };
  return { change, what: `, with a ${key} of ${value}` };
}

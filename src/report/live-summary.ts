/**
 * The report of a live migration: as that of a modelled one (migration-text.ts), with what was
 * measured on real machines beside it, apart from downtime.
 */
import { formatBytes, formatDuration, formatRate } from "../base/units.js";
import type { LiveResult } from "../live/live-result.js";
import { LABEL, migrationLines, type TextOptions, type Way } from "./migration-text.js";
import { count, percent, plural } from "./text.js";

export interface LiveSummaryOptions extends TextOptions {
  readonly way: Way;
  /** The command that does it again; its figures will differ. */
  readonly repeat: string;
  /** What the guest said of itself until it left. */
  readonly guestSays?: string;
}

export function liveSummaryText(result: LiveResult, options: LiveSummaryOptions): string {
  const { way, repeat, guestSays = "" } = options;
  const more = liveFigures(result);
  if (guestSays !== "") more.push(["guest", guestSays]);
  const lines = migrationLines(result, way, { ...options, more });
  // A command may be copied from the screen: it is not broken.
  return `${[...lines, "", `  ${LABEL("repeat")}${repeat}`].join("\n")}\n`;
}

function liveFigures({ live, outcome }: LiveResult): [label: string, text: string][] {
  const figures: [string, string][] = [];
  if (live.verified && outcome === "target-runs") {
    const without = formatDuration(live.downtimeWithoutVerifyNs);
    figures.push([
      "verified",
      `all memory in ${formatDuration(live.verifyNs)} (downtime without: ${without})`,
    ]);
  }
  const share = `${percent(live.guestShare)} of the thread (reading pages took ${percent(live.workShare)})`;
  figures.push(["guest share", share]);
  if (live.linkUse > 0) {
    const rate = formatRate(live.roundsBytesPerSec);
    figures.push(["link use", `${percent(live.linkUse)} in the rounds (${rate})`]);
  } else if (live.roundsBytesPerSec > 0) {
    figures.push(["rounds' rate", `${formatRate(live.roundsBytesPerSec)} (no limit was given)`]);
  }
  if (live.rehearsalNs > 0) {
    figures.push([
      "rehearsal",
      `stopped for ${formatDuration(live.rehearsalNs)} before the first round`,
    ]);
  }
  const arrived = live.checkedPages > 0 ? `, ${plural(live.checkedPages, "page")} checked` : "";
  const state = live.deviceStateBytes > 0 ? `${formatBytes(live.deviceStateBytes)} of devices` : "";
  if (state !== "") figures.push(["arrived", `${state}${arrived}`]);
  if (live.faults > 0) figures.push(["faults", count(live.faults)]);
  return figures;
}

/**
 * Auto-converge: how far the guest is slowed down, and for how long. A forecast tells the percentage
 * at the end; when it rose is found by asking the throttle again at the readings of the log.
 */
import { formatDuration } from "../../base/units.js";
import type { Forecast } from "../forecast.js";
import { AUTO_CONVERGE, cpuBoundPace, ThrottleModel } from "../throttle-model.js";
import { type Finding, option, rejected } from "./option.js";
import { hasTechnique, withTechnique } from "./strategy-edit.js";
import type { Trials } from "./trials.js";

const PAGE_BYTES = 4096;

export interface Slowdown {
  /** From the first throttling to the end. */
  readonly ms: number;
  /** Mean over that time, per cent of what it would have run. */
  readonly percent: number;
}

/** Under usual circumstances, with bytes in proportion to time, as a busy link carries them. */
export function slowdownOf({ passes, bytes, totalMs }: Forecast): Slowdown {
  const model = new ThrottleModel(AUTO_CONVERGE, cpuBoundPace);
  let [slowMs, lostMs, beforeMs] = [0, 0, 0];
  const advance = (ms: number) => {
    if (model.percent > 0) {
      slowMs += ms - beforeMs;
      lostMs += ((ms - beforeMs) * model.percent) / 100;
    }
    beforeMs = ms;
  };
  for (const { endMs, dirtiedPages } of passes) {
    advance(endMs);
    const sent = (bytes.middle * endMs) / totalMs.middle;
    model.synced(endMs, Math.max(0, dirtiedPages) * PAGE_BYTES, sent);
  }
  advance(Math.max(beforeMs, totalMs.middle));
  return { ms: slowMs, percent: slowMs > 0 ? (100 * lostMs) / slowMs : 0 };
}

/** What auto-converge does to the guest, in words. */
export function throttleNotes(made: Forecast): string[] {
  const { low, middle, high } = made.throttlePercent;
  if (!(high > 0)) return ["the guest is not slowed down: it converges before"];
  const range = low === high ? `${high} %` : `${middle} % (${low} to ${high} %)`;
  if (!Number.isFinite(made.totalMs.middle)) return [`the throttle reaches ${range}`];
  const { ms, percent } = slowdownOf(made);
  const took = formatDuration(Math.round(ms) * 1e6);
  return [
    `the throttle reaches ${range}: the guest loses ${Math.round(percent)} % of its CPU ` +
      `on average for about ${took}`,
  ];
}

/** The change alone; undefined with why where it cannot be made. */
export function throttleChange({ name, settings }: Trials): { strategy: string } | string {
  const { manager, preset } = settings;
  if (hasTechnique(name, "auto-converge")) return "is on already";
  if (preset.loop !== "slots") return `${preset.name} has no throttle`;
  if (manager?.factory.name === "nova" && manager.params["post-copy"] === true) {
    return "Nova leaves it out where post-copy is permitted";
  }
  return { strategy: withTechnique(name, "auto-converge") };
}

export function autoConverge(trials: Trials): Finding {
  const change = throttleChange(trials);
  if (typeof change === "string") return rejected("auto-converge", change);
  const made = trials.forecast(change);
  const { manager } = trials.settings;
  const notes = throttleNotes(made);
  if (manager?.factory.name === "proxmox") {
    notes.push("Proxmox turns it on by itself: forecast it so from the start");
  }
  const { meets, moves } = trials.judge(change);
  if (!meets && !moves) {
    const { high } = made.throttlePercent;
    return rejected("auto-converge", `at ${high} % it still does not end`);
  }
  return option("auto-converge", trials, { what: "auto-converge", change, notes });
}

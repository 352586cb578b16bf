/** One line on where a live migration stands. */
import { formatBytes, formatDuration, formatRate } from "../../base/units.js";
import type { LiveProgress } from "../../live/live-progress.js";

/** Remaining, rates, the pause if it came now, and how long until then; no longer than it was. */
export function progressText(guest: string, progress: LiveProgress): string {
  const { state, round, remainingBytes, bytesPerSec, dirtyBytesPerSec } = progress;
  const { expectedDowntimeNs, etaNs, cpuShare } = progress;
  const parts = [
    guest,
    round > 0 ? `${state}, round ${round + 1}` : state,
    `${formatBytes(remainingBytes)} left`,
    `sends ${formatRate(bytesPerSec)}`,
    `dirties ${formatRate(dirtyBytesPerSec)}`,
    `pause ${formatDuration(expectedDowntimeNs)}`,
    etaNs === undefined ? "does not converge yet" : `ready in ${formatDuration(etaNs)}`,
  ];
  if (cpuShare < 1) parts.push(`CPU ${Math.round(cpuShare * 100)} %`);
  return parts.join("  ");
}

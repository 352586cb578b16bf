/** What the pause was made of: the log's own parts, or what its bytes take at the link's rate. */
import { formatBytes, formatDuration, formatRate } from "../base/units.js";
import type { Known } from "./explain.js";

export function explainDowntime(known: Known): string[] {
  const { observed, downtimeLimitNs, downtimeLimitSaid, passes } = known;
  const { realNs, expectedNs, parts } = observed.downtime;
  if (realNs === undefined && parts.length === 0) {
    if (expectedNs === undefined) return [];
    return [`the last estimate was ${formatDuration(expectedNs.value)}`];
  }
  const words: string[] = [];
  if (realNs !== undefined) {
    const against =
      downtimeLimitSaid === undefined
        ? ""
        : `, of ${formatDuration(downtimeLimitNs)} that were allowed`;
    words.push(`the guest stood still for ${formatDuration(realNs.value)}${against}`);
  }
  if (realNs !== undefined && downtimeLimitSaid !== undefined && realNs.value > downtimeLimitNs) {
    words.push(
      "the limit is compared with memory alone: state of devices and hand-over come on top",
    );
  }
  for (const { name, value } of parts) words.push(`${name}: ${formatDuration(value)}`);
  if (parts.length === 0) words.push(...fromBytes(known));
  if (passes.some(({ phase }) => phase === "post-copy")) {
    words.push("with post-copy QEMU's figure leaves out the target, which stood still longer");
  }
  return words;
}

/** QEMU tells what the pause sent, not what took how long. */
function fromBytes({ observed, bandwidthBytesPerSec }: Known): string[] {
  const bytes = observed.totals.pauseBytes?.value;
  const realNs = observed.downtime.realNs?.value;
  if (bytes === undefined || realNs === undefined || bandwidthBytesPerSec === undefined) return [];
  const copyNs = Math.round((bytes * 1e9) / bandwidthBytesPerSec);
  const sent = `${formatBytes(bytes)} at ${formatRate(bandwidthBytesPerSec)} of the passes`;
  if (copyNs > realNs * 1.5) {
    return [
      `${sent} would take ${formatDuration(copyNs)}: the pause was sent faster, since QEMU's ` +
        "max-bandwidth does not hold in it",
    ];
  }
  const rest = realNs - copyNs;
  if (rest <= 0) return [`sending ${sent} takes ${formatDuration(copyNs)}: that is all of it`];
  return [
    `sending ${sent} takes ${formatDuration(copyNs)}; ${formatDuration(rest)} are left for the ` +
      "state of devices and for handing over",
  ];
}

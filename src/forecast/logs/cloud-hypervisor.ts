/**
 * cloud-hypervisor's log (vmm/src/lib.rs, 2026): `Precopy: iter=..` at debug level after each
 * iteration, `Migration completed after ..` and `Downtime breakdown: ..` at the end (pull requests
 * 7799 and 7979). `est_downtime` is what is dirty divided by the bandwidth of the iteration before.
 */
import type { LogImporter } from "./log-format.js";
import type { LogSource } from "./log-source.js";
import { type Draft, newDraft, type ObservedPass } from "./observed-migration.js";
import { decimalNumber, nsOfMs, nsOfSec, sizeBytes, wholeNumber } from "./values.js";

export const cloudHypervisor: LogImporter = {
  name: "cloud-hypervisor",
  title: "cloud-hypervisor's log (-v -v: its Precopy lines are debug output)",
  mark: /Precopy: iter=|Migration completed after .* with a downtime of|Downtime breakdown: /,
  read(source) {
    const draft = newDraft("cloud-hypervisor", "cloud-hypervisor");
    for (const [text, line] of source.entries()) take(text, line, { draft, source });
    link(draft);
    draft.notes.push("sizes are whole MiB; its estimate leaves out the state of devices");
    return draft;
  },
};

const ITERATION =
  /Precopy: iter=(\d+) total=(\S+) curr=(\S+) bw=(\S+)\/s transfer=(\S+)s overhead=(\d+)ms est_downtime=(\d+)ms elapsed=(\S+)s/;
const COMPLETED =
  /Migration completed after (\S+)s with a downtime of (\d+)ms(?: \(goal was (\d+)ms\))?/;
const BREAKDOWN = /Downtime breakdown: \d+ms \(([^)]*)\)/;

const PART_NAMES: Readonly<Record<string, string>> = {
  final_iter: "the rest is read and sent",
  state: "the state of the devices is taken",
  send_state: "the state is sent and restored",
  complete: "the target is told to run",
};

function take(
  text: string,
  line: number,
  { draft, source }: { draft: Draft; source: LogSource },
): void {
  if (text.includes("Precopy: iter")) return iteration(text, line, { draft, source });
  if (text.includes("Migration completed after")) return completed(text, line, { draft, source });
  if (text.includes("Downtime breakdown:")) return breakdown(text, line, { draft, source });
  if (/Migration failed|Precopy: .{0,200}(timeout|cancel)|migration (was )?cancel/i.test(text)) {
    draft.outcome = { value: /cancel/i.test(text) ? "cancelled" : "failed", line };
    draft.stopReason = {
      value: text
        .replace(/^.*? -- /, "")
        .trim()
        .slice(0, 200),
      line,
    };
  }
}

function iteration(
  text: string,
  line: number,
  { draft, source }: { draft: Draft; source: LogSource },
) {
  const match = ITERATION.exec(text);
  const label = wholeNumber(match?.[1]);
  const [sentBytes, perSec] = [sizeBytes(match?.[3]), sizeBytes(match?.[4])];
  const sendingNs = nsOfSec(decimalNumber(match?.[5]));
  const overheadNs = nsOfMs(wholeNumber(match?.[6]));
  const expectedNs = nsOfMs(wholeNumber(match?.[7]));
  const elapsedNs = nsOfSec(decimalNumber(match?.[8]));
  const unread = [label, sentBytes, perSec, sendingNs, overheadNs, expectedNs, elapsedNs];
  if (unread.includes(undefined))
    return source.bad(line, "the iteration cannot be read, or is cut off");
  const number = (label as number) + 1;
  const last = draft.passes.at(-1);
  if (last !== undefined && number <= last.number) {
    return source.bad(line, "iterations go back: give one log for each migration");
  }
  if (label === 0) draft.memoryBytes = { value: sentBytes as number, line };
  else draft.downtime.expectedNs = { value: expectedNs as number, line };
  // The log is read while the iteration's overhead passes, before it sends.
  const took = (sendingNs as number) + (overheadNs as number);
  draft.passes.push({
    number,
    through: number,
    phase: "live",
    lines: [line, line],
    startNs: Math.max(0, (elapsedNs as number) - took),
    sendingNs: sendingNs as number,
    durationNs: took,
    sentBytes: sentBytes as number,
    sentPages: Math.round((sentBytes as number) / draft.pageBytes),
    ...((perSec as number) > 0 && { bandwidthBytesPerSec: perSec as number }),
  });
  draft.totals.totalNs = { value: elapsedNs as number, line };
}

/** What an iteration sends was written during the one before it. */
function link(draft: Draft): void {
  draft.passes = draft.passes.map((pass, at): ObservedPass => {
    const next = draft.passes[at + 1];
    if (next === undefined || next.number !== pass.number + 1) return pass;
    return {
      ...pass,
      ...(next.sentPages !== undefined && { dirtiedPages: next.sentPages }),
    };
  });
}

function completed(
  text: string,
  line: number,
  { draft, source }: { draft: Draft; source: LogSource },
) {
  const match = COMPLETED.exec(text);
  const totalNs = nsOfSec(decimalNumber(match?.[1]));
  const realNs = nsOfMs(wholeNumber(match?.[2]));
  if (totalNs === undefined || realNs === undefined) {
    return source.bad(line, "the end of the migration cannot be read");
  }
  draft.outcome = { value: "completed", line };
  draft.totals.totalNs = { value: totalNs, line };
  draft.downtime.realNs = { value: realNs, line };
  const goalNs = nsOfMs(wholeNumber(match?.[3]));
  if (goalNs !== undefined) draft.settings.downtimeLimitNs = { value: goalNs, line };
}

function breakdown(
  text: string,
  line: number,
  { draft, source }: { draft: Draft; source: LogSource },
) {
  const parts = BREAKDOWN.exec(text)?.[1]?.trim().split(/\s+/) ?? [];
  if (parts.length === 0) return source.bad(line, "the parts of the downtime cannot be read");
  for (const part of parts) {
    const match = /^(\w{1,40}):(\d+)ms$/.exec(part);
    const value = nsOfMs(wholeNumber(match?.[2]));
    if (match === null || value === undefined) {
      return source.bad(line, "the parts of the downtime cannot be read");
    }
    draft.downtime.parts.push({
      name: PART_NAMES[match[1] as string] ?? (match[1] as string),
      value,
      line,
    });
  }
}

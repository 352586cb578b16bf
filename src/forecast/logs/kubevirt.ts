/**
 * KubeVirt: the lines `Migration info for UID: TimeElapsed:..` that virt-launcher at the source
 * writes every two seconds (logMigrationInfo, pkg/virt-launcher/virtwrap/live-migration-source.go),
 * plain or inside its JSON, and virt-launcher's words on giving up. Sizes are whole MiB.
 *
 * Two faults of older versions are undone: rates were bytes / 8 / 10^6 where bytes x 8 / 10^6 was
 * meant, so they stand 64 times too low (told by comparing with MemoryProcessed / TimeElapsed); and
 * "stuck for N sec" counted nanoseconds (kubevirt#7654).
 */
import type { LogImporter } from "./log-format.js";
import type { LogSource } from "./log-source.js";
import { type Draft, newDraft, type ObservedSample, type Said } from "./observed-migration.js";
import { addSampledPasses } from "./pass-series.js";
import { nsOfMs, wholeNumber } from "./values.js";

export const kubevirt: LogImporter = {
  name: "kubevirt",
  title: "KubeVirt's virt-launcher log (its Migration info lines, log verbosity 2)",
  mark: /Migration info for |Live migration (stuck|is not completed|abort detected)/,
  read(source) {
    const draft = newDraft("kubevirt", "qemu102");
    const infos = infosOf(source, draft);
    if (infos.length === 0) {
      source.refuse("bad-input", 'no readable "Migration info" line is in this log');
    }
    const factor = rateFactor(infos);
    if (factor !== 1) {
      draft.notes.push(
        "rates in this log are 64 times too low, a fault of older KubeVirt: corrected",
      );
    }
    for (const info of infos) takeInfo(info, draft, factor);
    addSampledPasses(draft, source);
    draft.notes.push("virt-launcher looks every two seconds: short passes fall together");
    return draft;
  },
};

interface Info {
  readonly line: number;
  readonly uid: string;
  readonly values: ReadonlyMap<string, number>;
}

const FIELD = /([A-Z][A-Za-z]{2,30}):(\d+)(ms|MiB|Mbps)?/g;
/** Without these the line says nothing of a pass. */
const NEEDED = ["TimeElapsed", "MemoryProcessed", "MemoryRemaining"];
/** The whole message has some 400 characters. */
const WRAPPED_CHARS_MAX = 1000;
const MIB = 2 ** 20;
const OLD_RATE_FACTOR = 64;

function infosOf(source: LogSource, draft: Draft): Info[] {
  const infos: Info[] = [];
  const lines = source.lines;
  for (const [text, line] of source.entries()) {
    verdict(text, line, draft);
    const head = /Migration info for ([^\s:]{1,80}):(.*)$/.exec(text);
    if (head === null) {
      if (text.includes("Migration info for")) source.bad(line, "the line is cut off");
      continue;
    }
    let body = head[2] as string;
    // Reports wrap the line; its rest is nothing but fields.
    for (let at = line; isRest(lines[at] ?? ""); at++) body += ` ${lines[at]}`;
    const info = infoOf(body, { line, uid: head[1] as string, source });
    if (info !== undefined) infos.push(info);
  }
  return infos;
}

function isRest(text: string): boolean {
  if (!/^\s/.test(text) || text.length > WRAPPED_CHARS_MAX) return false;
  const words = text.trim().split(/\s+/);
  return words.every((word) => word === "..." || /^[A-Z][A-Za-z]*:\d+[A-Za-z]*$/.test(word));
}

function infoOf(
  body: string,
  { line, uid, source }: { line: number; uid: string; source: LogSource },
): Info | undefined {
  const values = new Map<string, number>();
  for (const match of body.matchAll(FIELD)) {
    const value = wholeNumber(match[2]);
    if (value === undefined) {
      source.bad(line, `${match[1]} is out of range`);
      return undefined;
    }
    values.set(match[1] as string, value);
  }
  const missing = NEEDED.find((name) => !values.has(name));
  if (missing === undefined) return { line, uid, values };
  source.bad(line, `the line has no ${missing}, or is cut off`);
  return undefined;
}

function takeInfo({ line, uid, values }: Info, draft: Draft, factor: number): void {
  const get = (name: string) => values.get(name);
  const said = (value: number | undefined): Said<number> | undefined =>
    value === undefined ? undefined : { value, line };
  const bytes = (name: string) => scaled(get(name), MIB);
  const perSec = (name: string) => scaled(get(name), (1e6 / 8) * factor);
  const elapsed = said(nsOfMs(get("TimeElapsed")));
  const processed = said(bytes("MemoryProcessed"));
  const dirtyBytes = perSec("DirtyRate") ?? 0;
  const bandwidth = perSec("MemoryBandwidth") ?? 0;
  const [normal, zero, passes] = [get("NormalPages"), get("ConstantPages"), get("Iteration")];
  const requests = get("PostcopyRequests") ?? 0;
  const remaining = bytes("MemoryRemaining");
  const memory = said(bytes("MemoryTotal"));
  const real = said(nsOfMs(get("Downtime")));
  const expected = said(nsOfMs(get("ExpectedDowntime")));
  const net = said(nsOfMs(get("DowntimeNet")));
  draft.guest ??= { value: uid, line };
  if (memory !== undefined) draft.memoryBytes ??= memory;
  if (expected !== undefined) draft.downtime.expectedNs = expected;
  if (net !== undefined) draft.downtime.parts.push({ name: "of the network", ...net });
  if (real !== undefined) {
    draft.downtime.realNs = real;
    if (draft.outcome.value === "running") draft.outcome = { value: "completed", line };
  }
  Object.assign(draft.totals, {
    ...(elapsed && { totalNs: elapsed }),
    ...(processed && { sentBytes: processed }),
    ...(passes !== undefined && { passes: { value: passes, line } }),
    ...(zero !== undefined && { zeroPages: { value: zero, line } }),
    ...(normal !== undefined && { dataPages: { value: normal, line } }),
    ...(requests > 0 && { postCopyRequests: { value: requests, line } }),
  });
  const sample: ObservedSample = {
    line,
    status: real !== undefined ? "completed" : requests > 0 ? "postcopy-active" : "active",
    ...(elapsed && { elapsedNs: elapsed.value }),
    ...(processed && { transferredBytes: processed.value }),
    ...(remaining !== undefined && { remainingBytes: remaining }),
    ...(normal !== undefined && zero !== undefined && { sentPages: normal + zero }),
    ...(passes !== undefined && { passes }),
    ...(dirtyBytes > 0 && { dirtyPagesPerSec: dirtyBytes / draft.pageBytes }),
    ...(bandwidth > 0 && { bandwidthBytesPerSec: bandwidth }),
    ...(expected && { expectedDowntimeNs: expected.value }),
  };
  draft.samples.push(sample);
}

/** 64 where that brings the bandwidths nearer to what was sent in the time. */
function rateFactor(infos: readonly Info[]): number {
  let old = 0;
  for (const { values } of infos) {
    const seconds = (values.get("TimeElapsed") ?? 0) / 1000;
    const told = ((values.get("MemoryBandwidth") ?? 0) * 1e6) / 8;
    const real = seconds > 0 ? ((values.get("MemoryProcessed") ?? 0) * MIB) / seconds : 0;
    // Halfway between 1 and 64 on a scale of factors.
    if (told > 0 && real > 0) old += real / told > 8 ? 1 : -1;
  }
  return old > 0 ? OLD_RATE_FACTOR : 1;
}

function verdict(text: string, line: number, draft: Draft): void {
  const stuck = /Live migration stuck for (\d+) sec(?:onds)?/.exec(text);
  const late = /Live migration is not completed after (\d+) sec(?:onds)?/.exec(text);
  if (stuck !== null) {
    const told = Number(stuck[1]);
    const seconds = told > 1e6 ? Math.round(told / 1e9) : told;
    draft.outcome = { value: "cancelled", line };
    draft.stopReason = { value: `Live migration stuck for ${seconds} seconds`, line };
  } else if (late !== null) {
    draft.outcome = { value: "cancelled", line };
    draft.stopReason = { value: `Live migration is not completed after ${late[1]} seconds`, line };
  } else if (/Migration has been completed|migration completed/i.test(text)) {
    draft.outcome = { value: "completed", line };
  } else if (/Migration job failed|Live migration failed/.test(text)) {
    draft.outcome = { value: "failed", line };
  }
}

function scaled(value: number | undefined, factor: number): number | undefined {
  const product = value === undefined ? undefined : value * factor;
  return product === undefined || product > Number.MAX_SAFE_INTEGER ? undefined : product;
}

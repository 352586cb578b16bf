/**
 * What techniques cost and decided, a labelled line each, and none for what was not used: pages that
 * followed the guest (Hines & Gopalan's faults, QEMU's blocktime), the brake on it, codecs, managers.
 */
import { formatBytes, formatDuration, formatRate } from "../base/units.js";
import type { StorageReport } from "../migrate/report.js";
import type { MigrationResult, PostCopyReport, ReclaimReport } from "../model/migration-result.js";
import { count, percent, plural } from "./text.js";

/** A label and its text. */
export type LabelledText = readonly [label: string, text: string];

export function techniqueCosts(migration: MigrationResult): LabelledText[] {
  const { postCopy, reclaim, reclaimState, storage, strategyState } = migration;
  const { codecState, managerState } = migration;
  return [
    ...(postCopy === undefined ? [] : postCopyTexts(migration, postCopy)),
    ...(reclaim === undefined ? [] : reclaimTexts(reclaim, reclaimState)),
    ...(storage === undefined ? [] : [storageText(storage)]),
    ...throttleTexts(migration),
    ...stateTexts("strategy", strategyState),
    ...codecTexts(codecState),
    ...stateTexts("manager", managerState),
  ];
}

/** VCPUs that are told one by one. */
const VCPUS_TOLD_MAX = 8;

function postCopyTexts(
  { stagesNs, worstStallNs, exposureNs }: MigrationResult,
  postCopy: PostCopyReport,
): LabelledText[] {
  const { absentPages, faults, workingSetPages, faultShare, stallNs } = postCopy;
  const used = `${percent(faultShare)} of the ${plural(workingSetPages, "page")} used meanwhile`;
  const each = faults === 0 ? "" : `, ${formatDuration(Math.round(stallNs / faults))} each`;
  return [
    [
      "post-copy",
      `${plural(absentPages, "page")} followed the guest, ${formatDuration(stagesNs.residualPush)} of pushing after it was announced`,
    ],
    ["faults", `${count(faults)} (${used})${each}, ${formatDuration(stallNs)} in all`],
    ["blocked", blockedText(postCopy)],
    [
      "worst stall",
      `${formatDuration(worstStallNs)} (longest wait for a page ${formatDuration(postCopy.worstStallNs)})`,
    ],
    ["exposure", `${formatDuration(exposureNs)} (its pages were on two hosts and needed the link)`],
  ];
}

function blockedText({ vcpuBlocktimeNs, blocktimeNs }: PostCopyReport): string {
  const together = `all at once ${formatDuration(blocktimeNs)}`;
  const waited = vcpuBlocktimeNs.flatMap((ns, vcpu) => (ns > 0 ? [{ ns, vcpu }] : []));
  if (waited.length === 0) return "no VCPU";
  if (waited.length > VCPUS_TOLD_MAX) {
    const worst = waited.reduce((a, b) => (b.ns > a.ns ? b : a));
    const most = `VCPU ${worst.vcpu} longest, ${formatDuration(worst.ns)}`;
    return `${waited.length} of ${plural(vcpuBlocktimeNs.length, "VCPU")}, ${most}; ${together}`;
  }
  const each = waited.map(({ ns, vcpu }) => `VCPU ${vcpu} ${formatDuration(ns)}`);
  const rest = waited.length < vcpuBlocktimeNs.length ? ", the others never" : "";
  return `${each.join(", ")}${rest}; ${together}`;
}

/** What ballooning took back, and what the guest waited for because it wanted it again. */
function reclaimTexts(
  reclaim: ReclaimReport,
  { givenPages: _told, ...state }: MigrationResult["reclaimState"],
): LabelledText[] {
  const { balloonedPages, emptyPages, refaultsBefore, refaultsAfter, pagesAway } = reclaim;
  const waitedNs = reclaim.refaultStallBeforeNs + reclaim.refaultStallAfterNs;
  const parts = [
    `${count(emptyPages)} empty`,
    `${plural(refaultsBefore + refaultsAfter, "refault")}, ${count(refaultsAfter)} of them after the switch`,
    `waited ${formatDuration(waitedNs)}`,
    `${count(pagesAway)} still away`,
  ];
  return [
    ["given up", `${plural(balloonedPages, "page")} (${parts.join(", ")})`],
    ...stateTexts("reclaim", state),
  ];
}

/** The disk that moved along. */
function storageText(storage: StorageReport): LabelledText {
  const { blocks, blockBytes, blocksSent, rounds, pauseBlocks } = storage;
  const sent = `${count(blocksSent)} blocks in ${plural(rounds, "pass", "passes")}`;
  const disk = `${formatBytes(blocks * blockBytes)} of ${plural(blocks, "block")}`;
  return ["storage", `${disk}, ${sent}, ${count(pauseBlocks)} in the pause`];
}

/** From which round on the guest had less CPU, and how little; then the throttle's own words. */
function throttleTexts({ rounds, throttleState }: MigrationResult): LabelledText[] {
  const slowed = rounds.filter(({ cpuShare }) => cpuShare < 1);
  const [first] = slowed;
  // The share stands in the rounds.
  const { cpuShare: _cpuShare, ...others } = throttleState;
  const state = stateText(others);
  if (first === undefined) return state === "" ? [] : [["throttle", state]];
  const least = slowed.reduce((a, b) => (b.cpuShare < a.cpuShare ? b : a));
  const from = `CPU ${percent(first.cpuShare)} from round ${first.round} on`;
  const down = least === first ? "" : `, least ${percent(least.cpuShare)} in round ${least.round}`;
  return [["throttle", `${from}${down}${state === "" ? "" : ` (${state})`}`]];
}

/** Figures are named CODEC.FIGURE: those of one codec stand together. */
function codecTexts(codecState: Readonly<Record<string, number>>): LabelledText[] {
  const figures = new Map<string, Record<string, number>>();
  for (const [key, value] of Object.entries(codecState)) {
    const [codec = "", figure] = key.split(".");
    const name = figure === undefined ? "" : codec;
    figures.set(name, { ...figures.get(name), [figure ?? codec]: value });
  }
  const texts = [...figures].map(([codec, of]) => `${codec} ${stateText(of)}`.trim());
  return texts.length === 0 ? [] : [["codecs", texts.join("; ")]];
}

function stateTexts(label: string, state: Readonly<Record<string, number | string>>) {
  const text = stateText(state);
  return text === "" ? [] : [[label, text] as const];
}

/** What something decided by itself: { tauNs: 4e8, heldShare: 0.5 } → "tau 400 ms, held 50 %". */
export function stateText(state: Readonly<Record<string, number | string>>): string {
  return Object.entries(state)
    .map(([key, value]) => {
      const unit = UNITS.find(([suffix]) => key.length > suffix.length && key.endsWith(suffix));
      if (typeof value === "string" || unit === undefined) return `${words(key)} ${plain(value)}`;
      const [suffix, format] = unit;
      return `${words(key.slice(0, -suffix.length))} ${format(value)}`;
    })
    .join(", ");
}

/** Endings of names, the longest first, and how their numbers are written. */
const UNITS: readonly (readonly [suffix: string, format: (value: number) => string])[] = [
  ["BytesPerSec", formatRate],
  ["Bytes", (value) => formatBytes(Math.round(value))],
  ["Share", percent],
  ["Ns", (value) => formatDuration(Math.round(value))],
];

function plain(value: number | string): string {
  if (typeof value === "string") return value;
  return Number.isInteger(value) ? count(value) : String(Number(value.toPrecision(3)));
}

/** "throttlePercentage" → "throttle percentage"; QEMU's own names keep their hyphens. */
function words(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

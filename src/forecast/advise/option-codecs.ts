/** Fewer bytes for the same pages: differences (XBZRLE) and compression over parallel streams. */
import { PrecopyError } from "../../base/errors.js";
import { formatBytes } from "../../base/units.js";
import { type ContentFacts, UNKNOWN_CONTENT } from "../content-facts.js";
import type { Forecast } from "../forecast.js";
import { forecastSettings } from "../forecast-settings.js";
import { MIB } from "./knobs.js";
import { type Finding, option, type Proposal, rejected } from "./option.js";
import { hasTechnique, withTechnique } from "./strategy-edit.js";
import type { Change, Trials } from "./trials.js";

const PAGE_BYTES = 4096;
/** `xbzrle:cache` goes up to 32 GiB. */
const CACHE_MIB_MAX = 32_768;
/** A cache that misses more than so many pages, or differences larger than so much, save nothing. */
const MISS_USELESS = 0.5;
const DELTA_USELESS = 3500;
/** Streams of multifd where none are asked for, at most: a compressing thread each. */
const CHANNELS = 4;

const contentOf = ({ input }: Trials): ContentFacts => ({ ...UNKNOWN_CONTENT, ...input.content });

/** Pages that are written while it is moved, as far as is known, rounded up to a power of two. */
export function cacheBytesFor({ plateau, dirtied }: Forecast): number {
  const pages = Math.max(plateau?.pages ?? 0, ...dirtied.map((point) => point.pages), 1);
  let mib = 1;
  while (mib * MIB < pages * PAGE_BYTES && mib < CACHE_MIB_MAX) mib *= 2;
  return mib * MIB;
}

/** The proposal, or why there is none. */
export function xbzrleProposal(trials: Trials): Proposal | string {
  const { name, settings, input } = trials;
  if (settings.preset.loop !== "slots") return `${settings.preset.name} has none`;
  if (hasTechnique(name, "multifd")) return "QEMU refuses it together with multifd";
  if (settings.postCopyAfterSyncs !== undefined) return "nothing is sent twice before the switch";
  const { deltaBytes, deltaMissShare } = contentOf(trials);
  if (deltaMissShare > MISS_USELESS) {
    return `useless: ${+(deltaMissShare * 100).toFixed(2)} % of the pages miss the cache`;
  }
  if (deltaBytes > DELTA_USELESS) {
    return `useless: a difference has ${Math.round(deltaBytes)} of a page's ${PAGE_BYTES} bytes`;
  }
  const cacheBytes = cacheBytesFor(trials.forecast());
  const given = settings.xbzrle?.cacheBytes ?? 0;
  if (given >= cacheBytes) return "is on already, with a cache that is large enough";
  const assumed = input.content?.deltaBytes === undefined ? ", which nobody measured" : "";
  const notes = [
    `a cache of ${formatBytes(cacheBytes)} holds what is written; differences of ` +
      `${Math.round(deltaBytes)} bytes a page${assumed}`,
  ];
  if (settings.manager?.factory.name === "proxmox") {
    notes.push("Proxmox turns it on by itself, with 10 % of the memory: forecast it so");
  }
  const technique = `xbzrle:cache=${cacheBytes / MIB}MiB`;
  const change = combine(trials, settings.xbzrle === undefined ? [technique] : []);
  if (change === undefined) return "does not go together with what is asked for";
  return { what: `XBZRLE with a cache of ${formatBytes(cacheBytes)}`, change, notes };
}

export function xbzrle(trials: Trials): Finding {
  return judged("xbzrle", trials, xbzrleProposal(trials));
}

/** Zstandard or deflate, whichever makes pages smaller. */
export function compressionProposal(trials: Trials): Proposal | string {
  const { name, settings, input } = trials;
  const { preset } = settings;
  if (preset.loop !== "slots") return `${preset.name} has none`;
  if (settings.compression !== undefined) return "is on already";
  if (settings.xbzrle !== undefined) return "QEMU refuses it together with XBZRLE";
  const { zstdShare, deflateShare } = contentOf(trials);
  const share = Math.min(zstdShare, deflateShare);
  if (share > 0.95) return `useless: pages keep ${Math.round(share * 100)} % of their size`;
  const codec = zstdShare <= deflateShare ? "zstd" : "deflate";
  const streams = hasTechnique(name, "multifd") ? [] : [`multifd:channels=${CHANNELS}`];
  const change = combine(trials, [codec, ...streams]);
  if (change === undefined) return "does not go together with what is asked for";
  const known = input.content?.zstdShare ?? input.content?.deflateShare;
  const assumed = known === undefined ? ", which nobody measured" : "";
  return {
    what: `${codec} over ${CHANNELS} streams (multifd)`,
    change,
    notes: [
      `pages keep ${Math.round(share * 100)} % of their size${assumed}`,
      ...cores(trials, change),
    ],
  };
}

export function compression(trials: Trials): Finding {
  return judged("compression", trials, compressionProposal(trials));
}

/** How busy compressing keeps the source. */
function cores(trials: Trials, change: Change): string[] {
  const { compression: chosen, channels = 1 } = forecastSettings(change.strategy as string);
  if (chosen === undefined) return [];
  const content = contentOf(trials);
  const share = chosen.codec === "zstd" ? content.zstdShare : content.deflateShare;
  const pagesPerSec = trials.input.linkBytesPerSec / (PAGE_BYTES * share);
  const busy = Math.min(channels, (pagesPerSec * chosen.pageUs * channels) / 1e6);
  return [`keeps up to ${busy.toFixed(1)} cores of the source busy, ${channels} at most`];
}

/** Techniques in their order before those that are there; undefined where names do not combine. */
function combine({ name }: Trials, techniques: readonly string[]): Change | undefined {
  if (techniques.length === 0) return undefined;
  try {
    const strategy = techniques.reduce((text, one) => withTechnique(text, one, "multifd"), name);
    forecastSettings(strategy);
    return { strategy };
  } catch (error) {
    if (error instanceof PrecopyError) return undefined;
    throw error;
  }
}

/** An option that saves nothing worth its cost is none. */
const WORTH = 0.98;

function judged(
  kind: "xbzrle" | "compression",
  trials: Trials,
  proposal: Proposal | string,
): Finding {
  if (typeof proposal === "string") return rejected(kind, proposal);
  const [lack] = trials.lacks(trials.changed(proposal.change));
  if (lack !== undefined) return rejected(kind, `the tool has no setting for ${lack}`);
  const before = trials.judge();
  const usual = trials.judge(proposal.change, "usual");
  if (!usual.moves) return rejected(kind, "it still does not end: QEMU counts whole pages");
  const better = trials.forecast(proposal.change).bytes.middle;
  const asked = trials.forecast().bytes.middle;
  if (before.moves && !trials.judge(proposal.change).meets && better > asked * WORTH) {
    return rejected(kind, "as many bytes as before");
  }
  return option(kind, trials, proposal);
}

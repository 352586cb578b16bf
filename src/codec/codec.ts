/**
 * What codecs make of pages, for an engine that moves no bytes: the model of a pipeline of codecs
 * tells for a batch of pages and versions how many bytes, headers, round trips and how much CPU they
 * cost, from the guest's {@link ContentProfile} and from what the target already has.
 *
 * Stages stand in order; each page goes to the first that takes it (zero, then equal to what the
 * target holds, then a delta, then compressed, then whole), as the real bytes do in pipeline.ts. A
 * test holds both within 5 % of each other.
 */
import { assert } from "../base/assert.js";
import { PrecopyError } from "../base/errors.js";
import type { ParamSpecs, ParamValues } from "../base/params.js";
import type { ContentProfile } from "../guest/content-profile.js";

export const PAGE_BYTES = 4096;

/** Most pages of one batch. */
export const BATCH_PAGES_MAX = 65_536;

/** What a batch costs. */
export interface BatchCost {
  /** All bytes but the per-page stream headers. */
  bodyBytes: number;
  /** Stream headers; a page costs two where its digest goes ahead, none where it did not change. */
  headerPages: number;
  cpuNs: number;
  /** Times that the sender waits for an answer before it can go on. */
  roundTrips: number;
  zeroPages: number;
  /** Found to be as the target has them; nothing is sent. */
  unchangedPages: number;
  /** Sent whole. */
  rawPages: number;
}

/** What a codec would make of pages, by their profile: state (cache, digests the target has) included. */
export interface CodecModel {
  /** Cost of sending these pages with these versions, each page once; fills and returns `out`. */
  batch(pages: Uint32Array, versions: Uint32Array, out: BatchCost): BatchCost;
  /** A round or bitmap sync ended (generation of the XBZRLE cache). */
  roundEnded(): void;
  /** The guest is paused: the cache takes no more pages. */
  lastStage(): void;
  /** Cache misses, overflows, hit rate, saved bytes. Keys are `stage.figure`. */
  describe(): Record<string, number>;
}

/** A batch on its way through the stages. */
export interface StageBatch {
  readonly pages: Uint32Array;
  readonly versions: Uint32Array;
  /** 1: no stage has taken the page yet. */
  readonly open: Uint8Array;
}

/** The model of one codec. */
export interface CodecStage {
  /** Closes the pages that it takes and adds what they cost to `cost`. */
  take(batch: StageBatch, cost: BatchCost): void;
  roundEnded(): void;
  lastStage(): void;
  describe(): Record<string, number>;
}

export interface CodecContext {
  readonly profile: ContentProfile;
  /** Of the guest. */
  readonly pages: number;
  readonly pageSizeBytes: number;
}

/** How a codec is registered. */
export interface CodecFactory {
  readonly name: string;
  readonly summary: string;
  readonly source: string;
  readonly params: ParamSpecs;
  /** Takes every page that is left: nothing can stand behind it. */
  readonly takesAll: boolean;
  createModel(context: CodecContext, params: ParamValues): CodecStage;
}

export interface StageOfPipeline {
  readonly factory: CodecFactory;
  readonly params: ParamValues;
}

export function zeroCost(): BatchCost {
  return {
    bodyBytes: 0,
    headerPages: 0,
    cpuNs: 0,
    roundTrips: 0,
    zeroPages: 0,
    unchangedPages: 0,
    rawPages: 0,
  };
}

/**
 * The model of these stages in order; `last` sends what no stage took (raw, unless the last stage
 * takes all). Throws `bad-input` for stages behind one that takes all, or the same codec twice.
 */
export function stagedModel(
  stages: readonly StageOfPipeline[],
  last: CodecFactory,
  context: CodecContext,
): CodecModel {
  checkCodecOrder(stages);
  const made = stages.map(({ factory, params }) => factory.createModel(context, params));
  const names = stages.map(({ factory }) => factory.name);
  if (stages.at(-1)?.factory.takesAll !== true) {
    made.push(last.createModel(context, {}));
    names.push(last.name);
  }
  return new StagedModel(made, names);
}

class StagedModel implements CodecModel {
  private readonly open = new Uint8Array(BATCH_PAGES_MAX);

  constructor(
    private readonly stages: readonly CodecStage[],
    private readonly names: readonly string[],
  ) {}

  batch(pages: Uint32Array, versions: Uint32Array, out: BatchCost): BatchCost {
    assert(pages.length <= BATCH_PAGES_MAX, `a batch has at most ${BATCH_PAGES_MAX} pages`);
    assert(pages.length === versions.length, "a version for each page");
    out.bodyBytes = out.headerPages = out.cpuNs = out.roundTrips = 0;
    out.zeroPages = out.unchangedPages = out.rawPages = 0;
    this.open.fill(1, 0, pages.length);
    const batch = { pages, versions, open: this.open };
    for (const stage of this.stages) stage.take(batch, out);
    return out;
  }

  roundEnded(): void {
    for (const stage of this.stages) stage.roundEnded();
  }

  lastStage(): void {
    for (const stage of this.stages) stage.lastStage();
  }

  describe(): Record<string, number> {
    const all: Record<string, number> = {};
    this.stages.forEach((stage, i) => {
      for (const [key, value] of Object.entries(stage.describe())) {
        all[`${this.names[i]}.${key}`] = value;
      }
    });
    return all;
  }
}

/** Throws `bad-input` for stages behind one that takes all, or the same codec twice. */
export function checkCodecOrder(stages: readonly StageOfPipeline[]): void {
  const factories = stages.map(({ factory }) => factory);
  factories.forEach((factory, i) => {
    if (factories.indexOf(factory) !== i) {
      throw new PrecopyError("bad-input", `codec ${factory.name} stands twice: leave one out`);
    }
    const next = factories[i + 1];
    if (factory.takesAll && next !== undefined) {
      throw new PrecopyError(
        "bad-input",
        `codec ${next.name} stands behind ${factory.name}, which takes every page: swap the two`,
      );
    }
  });
}

/** Codecs but raw and zero know pages of 4 KiB only. */
export function checkPageSize(codec: string, pageSizeBytes: number): void {
  if (pageSizeBytes === PAGE_BYTES) return;
  throw new PrecopyError(
    "unsupported",
    `codec ${codec} works on pages of ${PAGE_BYTES} bytes and the guest's have ${pageSizeBytes}; ` +
      "use raw or zero",
  );
}

/**
 * A preset is the loop of one real toolstack, put together from the decisions of this room: its
 * stop rule, rate control, page order, skip rule and the bytes that its stream adds.
 */
import type { ParamSpecs, ParamValues } from "../base/params.js";
import type { BandwidthController } from "./bandwidth.js";
import type { SlotLoop } from "./slot-loop.js";
import type { StopRule } from "./stop-rule.js";

/** In which order a round walks the guest's pages. */
export type PageOrder = "ascending" | "permuted";

/** Bytes that a stream adds to the pages. */
export interface StreamOverhead {
  /** Beside the 4,096 bytes of each page. */
  readonly perPageBytes: number;
  /** For each batch of pages. */
  readonly perBatchBytes: number;
}

export interface Preset {
  readonly name: string;
  /** One line for help and reports. */
  readonly summary: string;
  readonly source: string;
  readonly batchPages: number;
  /** Batches between reading and having left; absent: 1, the next is read when one has left. */
  readonly windowBatches?: number;
  readonly order: PageOrder;
  /** Leave out pages that the log already shows as written again (Clark's skip set). */
  readonly skipsRewritten: boolean;
  /** When the rule says stop before a round: is the round's set still sent live? */
  readonly sendsLastSetLive: boolean;
  readonly stream: StreamOverhead;
  /** What may be set, as in `@qemu72:max-bandwidth=1Gbit/s`. */
  readonly params?: ParamSpecs;
  /** The preset with these parameters; one without `params` has none. */
  configure?(params: ParamValues): Preset;
  /** Codec where none is asked for; absent: pages as they are. */
  readonly defaultCodec?: string;
  /** `slots`: QEMU's loop, with its numbers in `slots`; absent or `rounds`: whole sets. */
  readonly loop?: "rounds" | "slots";
  readonly slots?: SlotLoop;
  createStopRule(): StopRule;
  createBandwidth(): BandwidthController;
}

/** libxenguest's stream: 8 bytes a page frame number, 24 bytes a PAGE_DATA record. */
export const XEN_STREAM: StreamOverhead = { perPageBytes: 8, perBatchBytes: 24 };

/** MAX_BATCH_SIZE of libxenguest (tools/libs/guest/xg_sr_common.h): 1,024 pages, 4 MiB. */
export const XEN_BATCH_PAGES = 1024;

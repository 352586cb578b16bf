/** The promised form of `run --json`, key by key: nothing missing, nothing beside it. */
import { z } from "zod";

const ns = z.int().min(0);
const bytes = z.int().min(0);
const pages = z.int().min(0);

const round = z.strictObject({
  round: z.int().min(1),
  pagesSent: pages,
  pagesSkipped: pages,
  pagesHeld: pages,
  pagesDirtied: z.int().min(-1),
  bytes,
  durationNs: ns,
  bandwidthBytesPerSec: z.number().min(0),
  cpuShare: z.number().gt(0).max(1),
});

const state = z.record(z.string(), z.union([z.number(), z.string()]));

const postCopy = z.strictObject({
  absentPages: pages,
  faults: z.int().min(0),
  workingSetPages: pages,
  faultShare: z.number().min(0),
  stallNs: ns,
  worstStallNs: ns,
  vcpuBlocktimeNs: z.array(ns).min(1),
  blocktimeNs: ns,
  stallBucketsUs: z.array(z.int().min(0)).length(24),
});

const reclaim = z.strictObject({
  balloonedPages: pages,
  emptyPages: pages,
  refaultsBefore: z.int().min(0),
  refaultStallBeforeNs: ns,
  refaultsAfter: z.int().min(0),
  refaultStallAfterNs: ns,
  worstRefaultNs: ns,
  pagesAway: pages,
});

const storage = z.strictObject({
  blocks: pages,
  blockBytes: z.literal(65_536),
  rounds: z.int().min(1),
  blocksSent: pages,
  pauseBlocks: pages,
  bytes,
});

const migration = z.strictObject({
  guest: z.string(),
  strategy: z.string(),
  predictor: z.string(),
  preset: z.string(),
  name: z.string(),
  techniques: z.array(z.string()),
  outcome: z.enum(["target-runs", "source-runs", "in-doubt", "lost"]),
  pages: z.int().min(1),
  pageSizeBytes: z.literal(4096),
  startNs: ns,
  endNs: ns,
  stagesNs: z.strictObject({
    initialisation: ns,
    reservation: ns,
    iterativePreCopy: ns,
    stopAndCopy: ns,
    commitment: ns,
    activation: ns,
    residualPush: ns,
  }),
  totalNs: ns,
  downtimeNs: ns,
  blackoutNs: ns,
  clientOutageNs: ns,
  exposureNs: ns,
  worstStallNs: ns,
  bytesSent: bytes,
  bytes: z.strictObject({
    rounds: bytes,
    pause: bytes,
    control: bytes,
    residual: bytes,
    storage: bytes,
    total: bytes,
  }),
  storage: storage.optional(),
  pagesSent: pages,
  heldPages: pages,
  heldCapPages: pages,
  stopPages: pages,
  residualPages: pages,
  unchangedSends: z.int().min(0),
  logDirtyFaults: z.int().min(0),
  guestSlowdown: z.number().max(1),
  guestRanNs: ns,
  guestBaselineNs: ns,
  postCopy: postCopy.optional(),
  reclaim: reclaim.optional(),
  stopReason: z.string(),
  rounds: z.array(round),
  predictorState: state,
  strategyState: state,
  throttleState: state,
  reclaimState: state,
  managerState: state,
  codecState: z.record(z.string(), z.number()),
  verified: z.record(z.string(), z.literal(true)),
});

export const resultSchema = z.strictObject({
  schemaVersion: z.literal(2),
  seed: z.int().min(0),
  eventLogHash: z.string().regex(/^[0-9a-f]{16}$/),
  makespanNs: ns,
  migrations: z.array(migration),
});

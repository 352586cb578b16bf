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

const migration = z.strictObject({
  guest: z.string(),
  strategy: z.string(),
  predictor: z.string(),
  preset: z.string(),
  name: z.string(),
  outcome: z.enum(["target-runs", "source-runs", "in-doubt", "lost"]),
  pages: z.int().min(1),
  pageSizeBytes: z.literal(4096),
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
  bytesSent: bytes,
  bytes: z.strictObject({
    rounds: bytes,
    pause: bytes,
    control: bytes,
    residual: bytes,
    total: bytes,
  }),
  pagesSent: pages,
  heldPages: pages,
  heldCapPages: pages,
  guestSlowdown: z.number().max(1),
  stopReason: z.string(),
  rounds: z.array(round),
  verified: z.record(z.string(), z.literal(true)),
});

export const resultSchema = z.strictObject({
  schemaVersion: z.literal(1),
  seed: z.int().min(0),
  eventLogHash: z.string().regex(/^[0-9a-f]{16}$/),
  makespanNs: ns,
  migrations: z.array(migration),
});

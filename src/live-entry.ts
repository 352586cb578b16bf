/**
 * Moving real machines (`precopy/live`), in Node, in pages and in workers: the engine that drives the
 * model, in wall time. A source is a LiveMigration with a machine (`precopy/v86`, or one of your own
 * behind the ports), a target a LiveServer; any Transport lies between. What only Node has is in
 * `precopy/live/node`.
 */
export type { ArrivalMachine, FaultingMachine } from "./live/arrival-room.js";
export type { SharesThread } from "./live/guest-share.js";
export {
  type LinuxWorkload,
  type LinuxWorkloadName,
  linuxWorkload,
} from "./live/guests/linux-workloads.js";
export {
  type TinyGuest,
  type TinyGuestOptions,
  type TinyPattern,
  tinyGuest,
} from "./live/guests/tiny.js";
export { parseTinyReports, type TinyReport, type TinyReports } from "./live/guests/tiny-reports.js";
export { parseTinyWorkload } from "./live/guests/tiny-workload.js";
export type { Compressors } from "./live/live-codecs.js";
export type { LiveWishes } from "./live/live-config.js";
export {
  LIVE_DEFAULTS,
  type LiveMachine,
  LiveMigration,
  type LiveMigrationOptions,
} from "./live/live-migration.js";
export type { LiveProgress } from "./live/live-progress.js";
export type { LiveFigures, LiveResult } from "./live/live-result.js";
export { LiveServer, type LiveServerOptions, SERVER_DEFAULTS } from "./live/live-server.js";
export type { LiveTarget } from "./live/live-target.js";
export {
  type AwaitedPages,
  type AwaitingGuest,
  type FaultStalls,
  ShadowAgent,
  ShadowMachine,
} from "./live/shadow/index.js";
export {
  type BroadcastListener,
  type ConnectBroadcastOptions,
  connectBroadcast,
  type ListenBroadcastOptions,
  listenBroadcast,
} from "./live/transport/broadcast-channel.js";
export { type MemoryPair, memoryPair } from "./live/transport/memory.js";
export {
  type MessagePortOptions,
  messagePortTransport,
  type PortLike,
} from "./live/transport/message-port.js";
export type { Transport } from "./live/transport/transport.js";
export {
  type CountsInstructions,
  measureWarmUp,
  type WarmUp,
  type WarmUpOptions,
} from "./live/warm-up.js";
export { webCrypto } from "./live/web-crypto.js";
export type { MachineDescription, SourceMachine, TargetMachine } from "./migrate/ports.js";
export {
  DEFAULT_LIMITS,
  PROTOCOL_VERSION,
  type WireCrypto,
  type WireLimits,
} from "./wire/index.js";

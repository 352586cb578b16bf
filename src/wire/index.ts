/** What the two ends of a live migration say to each other, and in which order (docs/PROTOCOL.md). */
export { equalInConstantTime, type WireCrypto } from "./crypto.js";
export { type ChannelKeys, type ChannelOptions, FrameChannel } from "./frame-channel.js";
export {
  Handshake,
  type HandshakeResult,
  PROTOCOL_VERSION,
  SECRET_BYTES_MIN,
  SESSION_ID_BYTES,
  type SourceHandshakeOptions,
  type TargetHandshakeOptions,
} from "./handshake.js";
export {
  DEFAULT_LIMITS,
  FRAME_PAGES_MAX,
  protocolError,
  URGENT_SLACK_BYTES,
  type WireLimits,
} from "./limits.js";
export {
  type Message,
  NO_RUNS,
  type Packet,
  type PagesMessage,
  type PrepareMessage,
  payloadBytesOf,
  type SourceMessage,
  type StandingMessage,
  type StandingStage,
  type TargetMessage,
} from "./messages.js";
export {
  type BookAnswer,
  SessionBook,
  type SessionBookOptions,
  type SessionRequest,
} from "./session-book.js";
export { SourceSession, type SourceSessionOptions, type SourceStep } from "./source-session.js";
export { TargetSession, type TargetSessionOptions, type TargetStage } from "./target-session.js";
export type { TargetStep } from "./target-step.js";

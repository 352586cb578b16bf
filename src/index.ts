/**
 * The library: live migration of virtual machines, modelled in virtual time on a page-accurate
 * guest. This entry imports nothing that has to be installed and nothing of Node, so it loads in a
 * browser and in a worker as it is. Scenario files are a sub-path of their own
 * (`precopy/scenario`), and so are the kernels (`precopy/kernels`).
 *
 * Times are integer nanoseconds, sizes bytes, rates bytes a second, memory pages of 4 KiB. What a
 * caller can get wrong is thrown as a {@link PrecopyError}; an {@link AssertionError} is our bug.
 */

/* Simulations: hosts, links, guests and migrations in, stages, rounds and bytes out. */

export {
  type MigrationProgress,
  SCHEMA_VERSION,
  Simulation,
  type SimulationOptions,
  type SimulationResult,
  type SimulationSnapshot,
  simulate,
} from "./model/simulation.js";
export {
  DEFAULT_COSTS,
  DISK_BLOCK_BYTES,
  DISK_BLOCKS_MAX,
  type DiskSpec,
  type DomainSpec,
  GUEST_PAGES_MAX,
  type HostCosts,
  type HostSpec,
  type LinkSpec,
  type MigrationSpec,
  SIMULATION_NS_MAX,
  type SimulationSpec,
} from "./model/spec.js";

/* What a migration came to. */

export type {
  ByteCounts,
  MigrationReport,
  RoundReport,
  StageTimes,
  StorageReport,
} from "./migrate/report.js";
export type { FrameTag } from "./model/frame-sender.js";
export type { MigrationResult, PostCopyReport, ReclaimReport } from "./model/migration-result.js";

/* The floor: the earliest switch that no pre-copy of an unthrottled guest can beat. */

export * from "./bound/index.js";
export {
  floorOfMigration,
  type MigrationFloor,
  type MigrationFloorOptions,
} from "./model/floor.js";

/* Names, and what a plug-in registers under them: strategies, predictors, presets. */

export { type ParamSpec, type ParamSpecs, type ParamValues, parseParams } from "./base/params.js";
export {
  type ListedTechnique,
  type NameKind,
  Registry,
  type ResolvedStrategy,
} from "./migrate/registry.js";
export { representativeNames } from "./migrate/representatives.js";
export type { LiveParts, LivePhase, StrategyFactory } from "./migrate/strategy.js";
export { parseStrategyName, type StrategyName } from "./migrate/strategy-name.js";
export * from "./workingset/index.js";
export { SAMPLING_PARAMS, ticksOf } from "./workingset/predictor.js";

/* The decisions that presets and strategies are put together from. */

export { ADMISSIONS } from "./policy/admission/index.js";
export * from "./policy/admission.js";
export {
  AdaptiveBandwidth,
  type AdaptiveBandwidthOptions,
  type BandwidthController,
  fixedBandwidth,
  type RoundRate,
  unlimitedBandwidth,
} from "./policy/bandwidth.js";
export {
  DEFAULT_DOWNTIME_LIMIT_NS,
  type HoldBackBudget,
  holdBackCapPages,
} from "./policy/hold-back.js";
export {
  type Manager,
  type ManagerAction,
  type ManagerContext,
  type ManagerFactory,
  NO_ACTIONS,
  type Progress,
  QEMU_DOWNTIME_MAX_NS,
} from "./policy/manager.js";
export { MANAGERS } from "./policy/managers/index.js";
export {
  type PageOrder,
  type Preset,
  type StreamOverhead,
  XEN_BATCH_PAGES,
  XEN_STREAM,
} from "./policy/preset.js";
export { PRESETS } from "./policy/presets/index.js";
export { ActiveShare } from "./policy/reclaim/active-share.js";
export { Balloon, type BalloonOptions, IDLE_MEMORY_TAX } from "./policy/reclaim/balloon.js";
export { RECLAIMS } from "./policy/reclaim/index.js";
export * from "./policy/reclaim.js";
export {
  NO_ESTIMATE,
  type SlotEstimate,
  type SlotLoop,
  type SlotState,
  type SlotStep,
  type SlotStream,
  type SlotWindow,
} from "./policy/slot-loop.js";
export {
  CONTINUE,
  type Decision,
  fitsDowntime,
  type RoundStats,
  type StopRule,
} from "./policy/stop-rule.js";
export { STORAGES, type StorageFactory, type StorageOptions } from "./policy/storage.js";
export {
  type Brake,
  NO_BRAKE,
  type Throttle,
  type ThrottleFactory,
  type ThrottleStats,
} from "./policy/throttle.js";
export {
  AUTO_CONVERGE_DEFAULTS,
  AutoConverge,
  type AutoConvergeOptions,
} from "./policy/throttles/auto-converge.js";
export {
  DIRTY_LIMIT_DEFAULTS,
  DirtyLimit,
  type DirtyLimitOptions,
} from "./policy/throttles/dirty-limit.js";
export { THROTTLES } from "./policy/throttles/index.js";
export { JIN_DEFAULTS, JinCpuController, type JinOptions } from "./policy/throttles/jin.js";
export { SDPS_DEFAULTS, Sdps, type SdpsOptions } from "./policy/throttles/sdps.js";
export { STUN_AFTER_FAULTS, StunWriters } from "./policy/throttles/stun-writers.js";

/* The engine, which does no I/O: events in, commands out. For drivers of other machines. */

export { CONTROL_MESSAGE_BYTES } from "./migrate/ledger.js";
export type {
  Command,
  CommandOf,
  MigrationEvent,
  Outcome,
  PeerMessage,
  Region,
} from "./migrate/messages.js";
export { Migration, type MigrationState } from "./migrate/migration.js";
export type { MigrationConfig } from "./migrate/migration-config.js";
export {
  type MoveCounts,
  PageMover,
  type PageMoverOptions,
  type RequestBody,
  type Requests,
} from "./migrate/page-mover.js";
export type { MachineDescription, SourceMachine, TargetMachine } from "./migrate/ports.js";

/* What every machine behind the ports has to keep, checked: for machines of your own. */

export * from "./migrate/conformance/index.js";

/* The checker, which stands apart from the engine and keeps its own books. */

export {
  type EndState,
  MigrationChecker,
  type Verified,
} from "./migrate/checker.js";

/* Recorded traces: read, write, cut, tile, measure. */

export type { ImportedTrace, ImportOptions } from "./guest/importers/importer.js";
export {
  MAX_TRACE_ENTRIES,
  MAX_TRACE_INTERVALS,
  MAX_TRACE_PAGES,
  Trace,
  TraceBuilder,
  type TraceClock,
  type TraceColumns,
  type TraceHeader,
  type TraceInterval,
} from "./guest/trace.js";
export { type InstructionTime, onInstructionClock } from "./guest/trace-clock.js";
export { cutTrace, type TileOptions, tileTrace } from "./guest/trace-edit.js";
export {
  detectFormat,
  type ReadTrace,
  type ReadTraceOptions,
  readTrace,
  TRACE_READ_FORMATS,
  type TraceReadFormat,
} from "./guest/trace-read.js";
export {
  type DirtyCurvePoint,
  type SetStats,
  type TraceStats,
  traceStats,
  uniqueDirty,
} from "./guest/trace-stats.js";
export { TRACE_WRITE_FORMATS, type TraceWriteFormat, writeTrace } from "./guest/trace-write.js";

/* What a guest does to its memory: synthetic workloads and replayed traces. */

export {
  type ActivitySpec,
  activityArenaBytes,
  createActivity,
  type GuestActivity,
} from "./guest/activity.js";
export type { ReplaySpec, TraceEnd } from "./guest/replay.js";
export type { Phase, SyntheticComponent, SyntheticSpec } from "./guest/synthetic.js";

/* What the pages hold, and what codecs make of them: real bytes, and models of their cost. */

export * from "./codec/index.js";
export {
  ContentProfile,
  type ContentProfileSpec,
  DELTA_OVERFLOW,
  type DeltaSpec,
  type Quantiles,
} from "./guest/content-profile.js";
export {
  CONTENT_PROFILES,
  INCOMPRESSIBLE,
  MEASURED_PROFILES,
} from "./guest/content-profiles.js";

/* Modelled hardware, also usable by itself. */

export {
  CREDIT_DEFAULT_WEIGHT,
  CREDIT_MAX_WEIGHT,
  CREDIT_MIN_WEIGHT,
  type CreditDomain,
  CreditScheduler,
  type CreditSettings,
  type SchedulerId,
} from "./model/credit-scheduler.js";
export type {
  DomainFlags,
  DomainState,
  HostInfo,
  HostView,
  VcpuState,
} from "./model/domain.js";
export {
  ETHERNET_TCP_FRAME,
  type FrameShape,
  Link,
  type LinkCounters,
  type LinkOptions,
  wireBytesOf,
} from "./model/link.js";
export { type BackOver, type Departure, type FlowOptions, Network } from "./model/network.js";
export { Flow, type FlowSettings, type Message } from "./model/network-flow.js";
export { type Plan, type PlanDetails, planMoves, withPlan } from "./model/plan.js";
export { Placement, type PlannedMove } from "./model/plan-placement.js";
export { MemoryBook, type MemoryOwner } from "./model/reservation.js";
export { type Hop, type Route, Routes } from "./model/route.js";
export { DOMAIN_0, type HostedDomain, XenHost } from "./model/xen-host.js";

/* Fluid mode: counts instead of pages, many migrations at once, SimGrid's model as a preset. */

export * from "./fluid/index.js";

/* The kernels: per-page loops in WebAssembly. */

export * from "./kernels/index.js";

/* Ground: units, errors, seeded randomness, the event queue of virtual time. */

export { AssertionError } from "./base/assert.js";
export { type ErrorPlace, PrecopyError, type PrecopyErrorCode } from "./base/errors.js";
export { type EventHandle, EventQueue } from "./base/event-queue.js";
export { RunningHash } from "./base/hash.js";
export { Random } from "./base/random.js";
export {
  type Bytes,
  formatBytes,
  formatDuration,
  formatRate,
  type Nanoseconds,
  NS_PER_MS,
  NS_PER_SEC,
  NS_PER_US,
  PAGE_SIZE_BYTES,
  type Pfn,
  parseDuration,
  parseRate,
  parseSize,
} from "./base/units.js";

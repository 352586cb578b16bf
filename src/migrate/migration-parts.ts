/** What a migration is made of, by the names that were chosen. */
import type { Kernels } from "../kernels/index.js";
import type { WorkingSetPredictor } from "../workingset/index.js";
import type { MigrationState } from "./migration.js";
import type { MigrationConfig } from "./migration-config.js";
import { PageMover, type Requests } from "./page-mover.js";
import { Reclaiming } from "./reclaiming.js";
import { ResidualPush } from "./residual-push.js";
import { StorageMove } from "./storage-move.js";
import type { LiveLimits, LivePhase } from "./strategy.js";
import { Supervision } from "./supervision.js";
import { ThrottleControl } from "./throttle-control.js";

export interface MigrationParts {
  readonly mover: PageMover;
  readonly live: LivePhase;
  readonly predictor: WorkingSetPredictor;
  readonly throttle: ThrottleControl;
  readonly supervision: Supervision;
  readonly reclaiming: Reclaiming | undefined;
  readonly storage: StorageMove | undefined;
}

/** What the parts may do to the whole. */
export interface PartsOwner extends Requests {
  state(): MigrationState;
  postCopies(): boolean;
  abort(nowNs: number, reason: string): void;
  cancel(nowNs: number, reason: string): void;
}

export function createParts(
  config: MigrationConfig,
  kernels: Kernels,
  owner: PartsOwner,
): MigrationParts {
  const { pages, pageSizeBytes, preset, strategy, strategyParams } = config;
  const { windowBatches } = config;
  const shape = { kernels, region: "ram", pages, pageSizeBytes, preset, windowBatches } as const;
  const mover = new PageMover({ ...shape, requests: owner });
  const predictor = config.predictor.create({ kernels, pages }, config.predictorParams);
  const { downtimeLimitNs } = config;
  const limits: LiveLimits = { downtimeLimitNs, bandwidthBytesPerSec: Number.POSITIVE_INFINITY };
  const throttle = new ThrottleControl(
    config.throttle?.factory.create(config.throttle.params) ??
      strategy.createThrottle?.(strategyParams),
    mover,
    config,
  );
  const live = strategy.createLive({
    mover,
    preset,
    predictor,
    throttle,
    params: strategyParams,
    limits,
    fixedDowntimeNs: config.fixedDowntimeNs + config.suspendPagesNs,
    linkBytesPerSec: config.linkBytesPerSec,
    abort: (nowNs, reason) => owner.abort(nowNs, reason),
  });
  const context = { memoryBytes: pages * pageSizeBytes, downtimeLimitNs };
  const manager = config.manager?.factory.create(context, config.manager.params);
  const supervision = new Supervision(manager, {
    requests: owner,
    mover,
    live,
    limits,
    state: () => owner.state(),
    postCopies: () => owner.postCopies(),
    cancel: (nowNs, reason) => owner.cancel(nowNs, reason),
  });
  const reclaim = config.reclaim?.factory.create(config.reclaim.params);
  const reclaiming =
    reclaim === undefined ? undefined : new Reclaiming({ reclaim, mover, requests: owner, config });
  const storage = createStorage(config, kernels, owner);
  return { mover, live, predictor, throttle, supervision, reclaiming, storage };
}

function createStorage(
  config: MigrationConfig,
  kernels: Kernels,
  requests: Requests,
): StorageMove | undefined {
  const { disk, storage, preset, linkBytesPerSec, downtimeLimitNs } = config;
  if (disk === undefined || storage === undefined) return undefined;
  const options = storage.factory.create(storage.params);
  const pauseBytes = (linkBytesPerSec * downtimeLimitNs) / 1e9;
  return new StorageMove({ kernels, requests, preset, disk, options, pauseBytes });
}

/** Arena bytes of the parts. */
export function partsArenaBytes(config: MigrationConfig): number {
  const { pages, preset, predictor, strategy } = config;
  return (
    PageMover.arenaBytes(pages, preset, config.windowBatches) +
    predictor.arenaBytes(pages) +
    strategy.arenaBytes(pages) +
    ResidualPush.arenaBytes(preset) +
    ThrottleControl.arenaBytes(pages) +
    storageArenaBytes(config) +
    (config.reclaim === undefined ? 0 : Reclaiming.arenaBytes(pages))
  );
}

function storageArenaBytes({ disk, storage, preset }: MigrationConfig): number {
  if (disk === undefined || storage === undefined) return 0;
  return StorageMove.arenaBytes(preset, disk, storage.factory.create(storage.params));
}

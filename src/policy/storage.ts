/**
 * Whether a guest's disk moves along. vMotion as its authors tell it needs shared storage (Nelson et
 * al., USENIX ATC 2005; recalled, not verified), and so does Clark et al.'s pre-copy; where there is
 * none, the disk's blocks are copied like pages, with a dirty map of their own: once in bulk before
 * the memory's rounds, then what was written since, beside each round, the rest in the pause
 * (QEMU's block migration and drive-mirror, VMware's moves without shared storage).
 */
import type { ParamSpecs, ParamValues } from "../base/params.js";

export interface StorageOptions {
  /** What is read and sent of the disk at once. */
  readonly batchBytes: number;
}

export interface StorageFactory {
  readonly name: string;
  /** One line for help and reports. */
  readonly summary: string;
  readonly source: string;
  readonly params: ParamSpecs;
  create(params: ParamValues): StorageOptions;
}

export const storage: StorageFactory = {
  name: "storage",
  summary: "the disk moves along: in bulk before the rounds, then what was written meanwhile",
  source: "QEMU block migration (recalled, not verified); without it storage is shared",
  params: {
    batch: {
      kind: "size",
      default: 2 ** 20,
      min: 2 ** 16,
      max: 2 ** 26,
      help: "what is read of the disk at once",
    },
  },
  create: (params) => ({ batchBytes: params.batch as number }),
};

export const STORAGES: readonly StorageFactory[] = [storage];

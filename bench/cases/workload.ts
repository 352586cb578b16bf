/**
 * A guest that writes: accesses drawn from a seeded stream and marked in the dirty log and the
 * versions.
 */
import { GuestPages, Kernels, Workload, type WorkloadSpec } from "../../src/kernels/index.js";
import { type BenchContext, guestSizes } from "../context.js";
import { type BenchCase, inProcess } from "../harness.js";
import { FNV_START, fnv, hex, SEED } from "../inputs.js";
import { type Draw, drawHotCold, drawUniform, drawZipf, PlainGuest } from "../plain/workload.js";
import { touch, wordsOf } from "./bitmap.js";

const ACCESSES = 2 ** 20;
const HEADER_BYTES = 64;
const WRITES_ONLY = { trackReferences: false, trackLastUse: false };

export function workloadCases(context: BenchContext): BenchCase[] {
  return guestSizes(context).flatMap((pages) => [
    workloadCase(context, { kind: "uniform", firstPage: 0, pages }),
    workloadCase(context, { kind: "zipf", firstPage: 0, pages, exponent: 0.99 }),
    workloadCase(context, {
      kind: "hot-cold",
      firstPage: 0,
      pages,
      hotPages: pages / 8,
      hotFraction: 0.9,
    }),
  ]);
}

function workloadCase(context: BenchContext, spec: WorkloadSpec): BenchCase {
  const { kind, pages } = spec;
  const accesses = context.small ? 2 ** 12 : ACCESSES;
  return {
    group: "draw and mark writes",
    name: kind,
    pages,
    unit: "write",
    operations: accesses,
    repeatable: false,
    targets: [],
    open: async () => {
      const arenaBytes =
        Workload.bytesFor(spec) + GuestPages.bytesFor(pages, WRITES_ONLY) + 2 * HEADER_BYTES;
      const kernels = Kernels.loadSync({ arenaBytes });
      const guest = GuestPages.create(kernels, pages, WRITES_ONLY);
      const workload = Workload.create(kernels, spec, SEED);
      touch(kernels);
      const start = workload.state().slice();
      const versions = kernels.u32(guest.versionsPtr, pages);
      const table = aliasTable(workload);
      const plain = new PlainGuest(pages);
      const draw = plainDraw(spec, table);
      const digest = (fresh: number, dirty: Uint32Array, written: Uint32Array) =>
        hex(fnv(fnv(fnv(FNV_START, [fresh]), dirty), written));
      const contenders = [
        inProcess({
          name: "Wasm",
          prepare: () => {
            workload.state().set(start);
            guest.dirty.reset();
            guest.takeNewlyDirty();
            versions.fill(0);
          },
          run: () => workload.run(guest, accesses, 0),
          digest: () => digest(guest.newlyDirty, wordsOf(guest.dirty), versions),
        }),
        inProcess({
          name: "TypeScript",
          prepare: () => plain.empty(),
          run: () => plain.run(SEED, accesses, draw),
          digest: () => digest(plain.fresh, plain.dirty, plain.versions),
        }),
      ];
      if (context.native === undefined) return contenders;
      const { hotPages, hotThreshold } = hotOf(spec);
      const native = await context.native.contender(
        `workload-${kind}`,
        [start.subarray(0, 4), table],
        [pages, accesses, hotPages, hotThreshold],
      );
      return [...contenders, native];
    },
  };
}

/** {threshold, alias} of each column; empty but for zipf. */
export function aliasTable({ kernels, ptr, spec }: Workload): Uint32Array {
  return kernels.u32(ptr + HEADER_BYTES, spec.kind === "zipf" ? 2 * spec.pages : 0);
}

function plainDraw(spec: WorkloadSpec, table: Uint32Array): Draw {
  if (spec.kind === "zipf") return drawZipf(spec.pages, table);
  if (spec.kind === "uniform") return drawUniform(spec.pages);
  const { hotPages, hotThreshold } = hotOf(spec);
  return drawHotCold(spec.pages, hotPages, hotThreshold);
}

function hotOf(spec: WorkloadSpec): { hotPages: number; hotThreshold: number } {
  if (spec.kind !== "hot-cold") return { hotPages: 0, hotThreshold: 0 };
  return { hotPages: spec.hotPages, hotThreshold: Math.floor(spec.hotFraction * 2 ** 32) };
}

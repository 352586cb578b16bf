/**
 * WSClock: the sweep of a whole ring at four mixtures of R, M and age, and the clock interrupt.
 */
import { Kernels, U32Buffer, WsClockRing } from "../../src/kernels/index.js";
import { type BenchContext, guestSizes } from "../context.js";
import { type BenchCase, inProcess } from "../harness.js";
import { FNV_START, fnv, hex, randomAges, randomBits, SEED } from "../inputs.js";
import { PlainRing, spread } from "../plain/wsclock.js";
import { touch, wordsOf } from "./bitmap.js";

const NOW = 1_000_000_000;
const TAU = 200_000;

/** Shares of pages with R = 1, with M = 1, and older than tau. */
interface Mixture {
  readonly referenced: number;
  readonly modified: number;
  readonly old: number;
  readonly atMost: number;
}

const MIXTURES: readonly Mixture[] = [
  { referenced: 0.05, modified: 0.1, old: 0.02, atMost: 0.65 },
  { referenced: 0.3, modified: 0.3, old: 0.1, atMost: 0.65 },
  { referenced: 0.9, modified: 0.5, old: 0.3, atMost: 0.65 },
  { referenced: 1, modified: 0, old: 0, atMost: 1 },
];

export function wsclockCases(context: BenchContext): BenchCase[] {
  return guestSizes(context).flatMap((pages) => [
    ...MIXTURES.map((mixture) => sweepCase(context, pages, mixture)),
    tickCase(context, pages),
  ]);
}

/** Rings on both sides of the border, with the means to put their state back. */
function rings(pages: number, { referenced, modified, old }: Mixture) {
  const r = randomBits(pages, referenced, SEED);
  const m = randomBits(pages, modified, SEED + 1);
  const last = randomAges(pages, { now: NOW, tau: TAU, old, seed: SEED + 2 });
  const kernels = Kernels.loadSync({
    arenaBytes: WsClockRing.bytesFor(pages) + 2 * U32Buffer.bytesFor(pages),
  });
  const ring = WsClockRing.create(kernels, pages, { tauTicks: TAU });
  const clean = U32Buffer.create(kernels, pages);
  const dirty = U32Buffer.create(kernels, pages);
  touch(kernels);
  wordsOf(ring.modified).set(m);
  const header = kernels.u32(ring.ptr, 16);
  const lasts = kernels.u32(ring.ptr + (header[6] as number), pages);
  const histories = kernels.u32(ring.ptr + (header[7] as number), pages / 4);
  // Ages are looked over when the clock moved far: it stands at the time of the sweep.
  header[3] = NOW;
  const restore = () => {
    wordsOf(ring.referenced).set(r);
    lasts.set(last);
    histories.fill(0);
    header[0] = 0;
  };
  const plain = new PlainRing(pages);
  const plainReferenced = new Uint8Array(pages);
  spread(r, plainReferenced);
  spread(m, plain.modified);
  const plainRestore = () => {
    plain.referenced.set(plainReferenced);
    plain.last.set(last);
    plain.history.fill(0);
  };
  return {
    ring,
    clean,
    dirty,
    lasts,
    histories,
    restore,
    plain,
    plainRestore,
    input: [r, m, last],
  };
}

function sweepCase(context: BenchContext, pages: number, mixture: Mixture): BenchCase {
  return {
    group: "WSClock sweep",
    name: `R ${mixture.referenced}, M ${mixture.modified}, old ${mixture.old}`,
    pages,
    unit: "page",
    operations: pages,
    repeatable: false,
    targets: [{ than: "C", atMost: mixture.atMost }],
    open: async () => {
      const { ring, clean, dirty, lasts, restore, plain, plainRestore, input } = rings(
        pages,
        mixture,
      );
      let members = 0;
      const contenders = [
        inProcess({
          name: "Wasm",
          prepare: restore,
          run: () => {
            members = ring.sweep(NOW, { clean, dirty }).inWorkingSet;
          },
          digest: () => {
            let hash = fnv(FNV_START, [clean.length, dirty.length, members]);
            hash = fnv(hash, clean.view());
            hash = fnv(hash, dirty.view());
            return hex(fnv(hash, lasts));
          },
        }),
        inProcess({
          name: "TypeScript",
          prepare: plainRestore,
          run: () => plain.sweep(NOW, TAU),
          digest: () => {
            let hash = fnv(FNV_START, plain.found);
            hash = fnv(hash, plain.clean, plain.found[0]);
            hash = fnv(hash, plain.dirty, plain.found[1]);
            return hex(fnv(hash, plain.last));
          },
        }),
      ];
      if (context.native === undefined) return contenders;
      const numbers = [pages, NOW, TAU];
      return [...contenders, await context.native.contender("wsclock-sweep", input, numbers)];
    },
  };
}

function tickCase(context: BenchContext, pages: number): BenchCase {
  const mixture: Mixture = { referenced: 0.1, modified: 0.1, old: 0.1, atMost: 1 };
  return {
    group: "WSClock tick",
    name: `R ${mixture.referenced}`,
    pages,
    unit: "page",
    operations: pages,
    repeatable: false,
    targets: [],
    open: async () => {
      const { ring, lasts, histories, restore, plain, plainRestore, input } = rings(pages, mixture);
      let seen = 0;
      const digest = (last: Uint32Array, history: Uint32Array) =>
        hex(fnv(fnv(fnv(FNV_START, [seen]), last), history));
      const contenders = [
        inProcess({
          name: "Wasm",
          prepare: restore,
          run: () => {
            seen = ring.tick(NOW);
          },
          digest: () => digest(lasts, histories),
        }),
        inProcess({
          name: "TypeScript",
          prepare: plainRestore,
          run: () => {
            seen = plain.tick(NOW);
          },
          digest: () => digest(plain.last, new Uint32Array(plain.history.buffer)),
        }),
      ];
      if (context.native === undefined) return contenders;
      const numbers = [pages, NOW, TAU];
      return [...contenders, await context.native.contender("wsclock-tick", input, numbers)];
    },
  };
}

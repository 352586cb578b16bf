/**
 * WSClock: the sweep of a whole ring at four mixtures of R, M and age, and the clock interrupt.
 */
import { Kernels, U32Buffer, WsClockRing } from "../../src/kernels/index.js";
import { type BenchContext, guestSizes, guestsOf } from "../context.js";
import { type BenchCase, type Contender, inProcess } from "../harness.js";
import { FNV_START, fnv, hex, randomAges, randomBits, SEED } from "../inputs.js";
import { PlainRing, spread } from "../plain/wsclock.js";
import { touch, wordsOf } from "./bitmap.js";

const NOW = 1_000_000_000;
const TAU = 200_000;

/** Pages that are swept in a run: of several guests, so that no branch predictor knows them. */
const UNFORESEEN_PAGES = 2 ** 18;

/** Shares of pages with R = 1, with M = 1, and older than tau. */
interface Mixture {
  readonly referenced: number;
  readonly modified: number;
  readonly old: number;
}

const MIXTURES: readonly (Mixture & { readonly atMost: number })[] = [
  { referenced: 0.05, modified: 0.1, old: 0.02, atMost: 0.65 },
  { referenced: 0.3, modified: 0.3, old: 0.1, atMost: 0.65 },
  { referenced: 0.9, modified: 0.5, old: 0.3, atMost: 0.65 },
  { referenced: 1, modified: 0, old: 0, atMost: 1 },
];

const TICKED: Mixture = { referenced: 0.1, modified: 0.1, old: 0.1 };

export function wsclockCases(context: BenchContext): BenchCase[] {
  return guestSizes(context).flatMap((pages) => [
    ...MIXTURES.map((mixture) => sweepCase(context, pages, mixture, mixture.atMost)),
    tickCase(context, pages),
  ]);
}

/** One guest's ring on both sides of the border, with the means to put its state back. */
interface Guest {
  readonly ring: WsClockRing;
  readonly lasts: Uint32Array;
  readonly histories: Uint32Array;
  restore(): void;
  readonly plain: PlainRing;
  plainRestore(): void;
}

/** The rings of all guests of a run and the lists that they share. */
function rings(context: BenchContext, pages: number, { referenced, modified, old }: Mixture) {
  const count = guestsOf(context, pages, UNFORESEEN_PAGES);
  const all = pages * count;
  const r = randomBits(all, referenced, SEED);
  const m = randomBits(all, modified, SEED + 1);
  const last = randomAges(all, { now: NOW, tau: TAU, old, seed: SEED + 2 });
  const kernels = Kernels.loadSync({
    arenaBytes: count * WsClockRing.bytesFor(pages) + 2 * U32Buffer.bytesFor(pages),
  });
  const clean = U32Buffer.create(kernels, pages);
  const dirty = U32Buffer.create(kernels, pages);
  const guests = Array.from({ length: count }, (_, i) =>
    createGuest(kernels, {
      r: r.subarray((i * pages) / 32, ((i + 1) * pages) / 32),
      m: m.subarray((i * pages) / 32, ((i + 1) * pages) / 32),
      last: last.subarray(i * pages, (i + 1) * pages),
    }),
  );
  touch(kernels);
  return { guests, clean, dirty, input: [r, m, last] };
}

function createGuest(
  kernels: Kernels,
  { r, m, last }: { r: Uint32Array; m: Uint32Array; last: Uint32Array },
): Guest {
  const pages = last.length;
  const ring = WsClockRing.create(kernels, pages, { tauTicks: TAU });
  wordsOf(ring.modified).set(m);
  const header = kernels.u32(ring.ptr, 16);
  const lasts = kernels.u32(ring.ptr + (header[6] as number), pages);
  const histories = kernels.u32(ring.ptr + (header[7] as number), pages / 4);
  // Ages are looked over when the clock has moved far: here it stands at the time of the sweep.
  header[3] = NOW;
  const plain = new PlainRing(pages);
  const plainReferenced = new Uint8Array(pages);
  spread(r, plainReferenced);
  spread(m, plain.modified);
  return {
    ring,
    lasts,
    histories,
    restore: () => {
      wordsOf(ring.referenced).set(r);
      lasts.set(last);
      histories.fill(0);
      header[0] = 0;
    },
    plain,
    plainRestore: () => {
      plain.referenced.set(plainReferenced);
      plain.last.set(last);
      plain.history.fill(0);
    },
  };
}

/** Over the words of all guests, one behind the other. */
function fnvOfAll(hash: number, words: readonly Uint32Array[]): number {
  return words.reduce((h, part) => fnv(h, part), hash);
}

function sweepCase(
  context: BenchContext,
  pages: number,
  mixture: Mixture,
  atMost: number,
): BenchCase {
  const { referenced, modified, old } = mixture;
  return {
    group: "WSClock sweep",
    name: `R ${referenced}, M ${modified}, old ${old}`,
    pages,
    unit: "page",
    operations: pages * guestsOf(context, pages, UNFORESEEN_PAGES),
    repeatable: false,
    targets: [{ than: "C", atMost }],
    open: async () => {
      const { guests, clean, dirty, input } = rings(context, pages, mixture);
      let members = 0;
      const contenders = [
        inProcess({
          name: "Wasm",
          prepare: () => guests.forEach((guest) => void guest.restore()),
          run: () => {
            for (const { ring } of guests) members = ring.sweep(NOW, { clean, dirty }).inWorkingSet;
          },
          digest: () => {
            let hash = fnv(FNV_START, [clean.length, dirty.length, members]);
            hash = fnv(hash, clean.view());
            hash = fnv(hash, dirty.view());
            return hex(
              fnvOfAll(
                hash,
                guests.map((guest) => guest.lasts),
              ),
            );
          },
        }),
        inProcess({
          name: "TypeScript",
          prepare: () => guests.forEach((guest) => void guest.plainRestore()),
          run: () => guests.forEach(({ plain }) => void plain.sweep(NOW, TAU)),
          digest: () => {
            const { found, clean, dirty } = (guests.at(-1) as Guest).plain;
            let hash = fnv(FNV_START, found);
            hash = fnv(hash, clean, found[0]);
            hash = fnv(hash, dirty, found[1]);
            return hex(
              fnvOfAll(
                hash,
                guests.map(({ plain }) => plain.last),
              ),
            );
          },
        }),
      ];
      return withNative(contenders, context, "wsclock-sweep", input, pages);
    },
  };
}

function tickCase(context: BenchContext, pages: number): BenchCase {
  return {
    group: "WSClock tick",
    name: `R ${TICKED.referenced}`,
    pages,
    unit: "page",
    operations: pages * guestsOf(context, pages, UNFORESEEN_PAGES),
    repeatable: false,
    targets: [],
    open: async () => {
      const { guests, input } = rings(context, pages, TICKED);
      let seen = 0;
      const digest = (lasts: Uint32Array[], histories: Uint32Array[]) =>
        hex(fnvOfAll(fnvOfAll(fnv(FNV_START, [seen]), lasts), histories));
      const contenders = [
        inProcess({
          name: "Wasm",
          prepare: () => guests.forEach((guest) => void guest.restore()),
          run: () => {
            seen = 0;
            for (const { ring } of guests) seen += ring.tick(NOW);
          },
          digest: () =>
            digest(
              guests.map((guest) => guest.lasts),
              guests.map((guest) => guest.histories),
            ),
        }),
        inProcess({
          name: "TypeScript",
          prepare: () => guests.forEach((guest) => void guest.plainRestore()),
          run: () => {
            seen = 0;
            for (const { plain } of guests) seen += plain.tick(NOW);
          },
          digest: () =>
            digest(
              guests.map(({ plain }) => plain.last),
              guests.map(({ plain }) => new Uint32Array(plain.history.buffer)),
            ),
        }),
      ];
      return withNative(contenders, context, "wsclock-tick", input, pages);
    },
  };
}

async function withNative(
  contenders: Contender[],
  context: BenchContext,
  kernel: string,
  input: readonly Uint32Array[],
  pages: number,
): Promise<Contender[]> {
  if (context.native === undefined) return contenders;
  const guests = guestsOf(context, pages, UNFORESEEN_PAGES);
  const numbers = [pages, NOW, TAU, guests];
  return [...contenders, await context.native.contender(kernel, input, numbers)];
}

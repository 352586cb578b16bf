/**
 * One pair of machines on the bench, and the handful of moves that every check is made of. Page
 * lists are plain arrays here: the kit is read more often than it is run.
 */
import { PageBitmap, U32Buffer } from "../../kernels/index.js";
import type { SourceMachine, TargetMachine } from "../ports.js";
import { ConformanceError, type PortsPair } from "./harness.js";

/** Batches of a list: as many of the first size as fit, then of the next. */
const BATCH_SIZES = [256, 16, 1] as const;
/** Whole memories that a check keeps copies of. */
const SNAPSHOTS_MAX = 5;
/** How often a check waits for something that a working guest does sooner or later. */
const PASSES_MAX = 400;
const NAMED_MAX = 5;

/** What all pages held at some instant. */
export interface Snapshot<Contents> {
  readonly batches: readonly { readonly first: number; readonly contents: Contents }[];
}

/**
 * Arena bytes that the kit takes for a guest of so many pages; `bytesPerPage` is what an entry of
 * `Contents` takes there, 0 if contents lie elsewhere.
 */
export function portsArenaBytes(pages: number, bytesPerPage = 0): number {
  const [batch] = BATCH_SIZES;
  const batches = Math.ceil(pages / batch) + batch / BATCH_SIZES[1] + BATCH_SIZES[1];
  const own = PageBitmap.bytesFor(pages) + 2 * U32Buffer.bytesFor(batch) + 256;
  if (bytesPerPage === 0) return own;
  // Entries are padded and aligned; a few batches are kept beside whole memories.
  const copies = pages * bytesPerPage + batches * 128 + 2 * batch * bytesPerPage;
  return own + SNAPSHOTS_MAX * copies;
}

export class Trial<Contents> {
  readonly source: SourceMachine<Contents>;
  readonly target: TargetMachine<Contents>;
  readonly pages: number;
  /** Where the log and samples are read into. */
  readonly into: PageBitmap;
  readonly list: U32Buffer;
  readonly mask: U32Buffer;
  private readonly rooms = new Map<number, Contents>();

  constructor(
    readonly pair: PortsPair<Contents>,
    readonly busyNs: number,
  ) {
    this.source = pair.source;
    this.target = pair.target;
    this.pages = pair.source.describe().pages;
    this.into = PageBitmap.create(pair.kernels, this.pages, "conformance, log");
    this.list = U32Buffer.create(pair.kernels, BATCH_SIZES[0], "conformance, pages");
    this.mask = U32Buffer.create(pair.kernels, BATCH_SIZES[0], "conformance, mask");
  }

  async pass(times = 1): Promise<void> {
    for (let i = 0; i < times; i++) await this.pair.pass(this.busyNs);
  }

  /** Lets the guest run until it has done something; fails with `otherwise` if it never does. */
  async until(done: () => boolean | Promise<boolean>, otherwise: string): Promise<void> {
    for (let i = 0; i < PASSES_MAX; i++) {
      await this.pass();
      if (await done()) return;
    }
    must(false, `${otherwise}, in ${PASSES_MAX} times ${this.busyNs} ns`);
  }

  untilWritten(): Promise<void> {
    return this.until(() => this.peek().length > 0, "a running guest wrote no page");
  }

  async pause(): Promise<void> {
    await this.source.pause();
  }

  async resume(): Promise<void> {
    await this.source.resume();
  }

  /** Reads and clears the log. */
  harvest(): number[] {
    // What was in the bitmap before must not be there afterwards.
    this.into.fill();
    const count = this.source.harvest("ram", this.into);
    const found = this.into.count();
    must(count === found, `a harvest tells ${count} pages, and its bitmap has ${found}`);
    return this.pagesOf(this.into);
  }

  /** The pages that the log holds; clears nothing. */
  peek(): number[] {
    const found: number[] = [];
    for (const batch of batchesOf(this.all())) {
      this.list.set(batch);
      this.mask.set(batch.map(() => 7));
      this.source.peek("ram", this.list, this.mask);
      const { length } = this.mask;
      must(length === batch.length, `a peek at ${batch.length} pages tells of ${length}`);
      const mask = this.mask.view();
      found.push(...batch.filter((_, i) => mask[i] !== 0));
    }
    return found;
  }

  /** What all pages of a machine hold now. */
  snapshot(machine: Pick<SourceMachine<Contents>, "readPages">): Snapshot<Contents> {
    const batches = batchesOf(this.all()).map((batch) => {
      const contents = this.pair.contents(batch.length);
      this.read(machine, batch, contents);
      return { first: batch[0] as number, contents };
    });
    return { batches };
  }

  /** Pages that hold something else in `b` than in `a`. */
  differing(a: Snapshot<Contents>, b: Snapshot<Contents>): number[] {
    const sizes = batchesOf(this.all());
    return sizes.flatMap((batch, k) => {
      const [left, right] = [a.batches[k], b.batches[k]];
      must(left !== undefined && right !== undefined, "snapshots have all batches");
      return batch.filter((_, i) => !this.pair.equal(left.contents, i, right.contents, i));
    });
  }

  /** Reads a page on its own and compares it with what a snapshot has of that or another page. */
  isAsIn(
    machine: Pick<SourceMachine<Contents>, "readPages">,
    page: number,
    snapshot: Snapshot<Contents>,
    as = page,
  ): boolean {
    const one = this.room(1);
    this.read(machine, [page], one);
    const holder = snapshot.batches.filter(({ first }) => first <= as).at(-1);
    must(holder !== undefined, "snapshots begin with page 0");
    return this.pair.equal(one, 0, holder.contents, as - holder.first);
  }

  read(
    machine: Pick<SourceMachine<Contents>, "readPages">,
    pages: readonly number[],
    into: Contents,
  ): void {
    this.list.set(pages);
    machine.readPages("ram", this.list, into);
  }

  /** Sends pages from the source to the target. */
  copy(pages: readonly number[]): void {
    for (const batch of batchesOf(pages)) {
      const contents = this.room(batch.length);
      this.read(this.source, batch, contents);
      this.list.set(batch);
      this.target.writePages("ram", this.list, contents);
    }
  }

  /** Room for a batch, used again and again. */
  room(pages: number): Contents {
    const kept = this.rooms.get(pages) ?? this.pair.contents(pages);
    this.rooms.set(pages, kept);
    return kept;
  }

  all(): number[] {
    return Array.from({ length: this.pages }, (_, page) => page);
  }

  pagesOf(bitmap: PageBitmap): number[] {
    const found: number[] = [];
    for (let page = bitmap.nextSet(0); page >= 0; page = bitmap.nextSet(page + 1)) found.push(page);
    return found;
  }

  /** The target gets ready for the source's guest. */
  async prepare(): Promise<void> {
    const refusal = await this.target.prepare(this.source.describe());
    must(refusal === undefined, `a target that fits refuses the guest: ${refusal}`);
  }
}

export function must(holds: boolean, sentence: string): asserts holds {
  if (!holds) throw new ConformanceError(sentence);
}

/** Fails unless the call throws or rejects. */
export async function mustRefuse(what: string, call: () => unknown): Promise<void> {
  try {
    await call();
  } catch {
    return;
  }
  must(false, `${what} is not refused`);
}

export function mustBeIn(pages: readonly number[], log: readonly number[], what: string): void {
  const logged = new Set(log);
  const missing = pages.filter((page) => !logged.has(page));
  must(missing.length === 0, `${what}: ${named(missing)}`);
}

export function mustBeSame(a: readonly number[], b: readonly number[], what: string): void {
  const left = new Set(a);
  const right = new Set(b);
  const apart = [...a.filter((page) => !right.has(page)), ...b.filter((page) => !left.has(page))];
  must(apart.length === 0, `${what}: ${named(apart)}`);
}

/** "pages 3, 9 and 14 others". */
export function named(pages: readonly number[]): string {
  const first = pages.slice(0, NAMED_MAX).join(", ");
  const rest = pages.length - NAMED_MAX;
  return `page${pages.length === 1 ? "" : "s"} ${first}${rest > 0 ? ` and ${rest} others` : ""}`;
}

function batchesOf(pages: readonly number[]): number[][] {
  const batches: number[][] = [];
  let from = 0;
  for (const size of BATCH_SIZES) {
    for (; pages.length - from >= size; from += size) batches.push(pages.slice(from, from + size));
  }
  return batches;
}

/**
 * Synthetic workloads: one component draws its accesses from a seeded stream and applies them to a
 * guest (or only marks the pages that it will write).
 *
 *   header (64 bytes)
 *   ┌──────────────────────────────────────────┬───────────────────────────┐
 *   │ +0 s0 s1 s2 s3 (xoshiro128**)            │ +16 cursor (sequential)   │
 *   │ +20 kind      │ +24 firstPage            │ +28 pages                 │
 *   │ +32 hotPages  │ +36 write draw? (0/1)    │ +40 hot threshold u64     │
 *   │ +48 write threshold u64                  │ +56 table offset (zipf)   │
 *   └──────────────────────────────────────────┴───────────────────────────┘
 *
 * Draws per access, in this order: sequential none; uniform one (the page); zipf two (column, then
 * threshold); hot-cold two (hot or cold, then the page within). Then one more for read or write,
 * only when the write fraction is between 0 and 1. A chunk of accesses is drawn, turned into access
 * words and applied while it is still in the first cache. Time O(accesses).
 */
import { accessMarkWrites, guestTouch, guestTouchUntilAbsent, WRITE } from "./guest";
import { below, randomFill } from "./random";

const UNIFORM: u32 = 0;
const ZIPF: u32 = 1;
const HOT_COLD: u32 = 2;

/** Accesses drawn and applied at a time. */
const CHUNK: u32 = 2048;

/** The first chunk of a run that may fault: what is drawn behind the fault is drawn in vain. */
const FAULTING_CHUNK: u32 = 64;

const DRAWS: usize = memory.data(2048 * 3 * 4, 64);
const ACCESSES: usize = memory.data(2048 * 4, 64);

/** Draws `count` accesses and applies them to the guest at time `now`. */
export function workloadRun(workload: usize, guest: usize, count: u32, now: u32): void {
  for (let left = count; left > 0; ) {
    const chunk = left < CHUNK ? left : CHUNK;
    guestTouch(guest, ACCESSES, chunk, now, drawAccesses(workload, chunk));
    left -= chunk;
  }
}

/**
 * Draws and applies accesses up to the first one whose page is absent, at most `count`; returns how
 * many. The stream then stands before that access: the next call draws it again.
 */
export function workloadRunUntilAbsent(workload: usize, guest: usize, count: u32, now: u32): u32 {
  let done: u32 = 0;
  for (let size = FAULTING_CHUNK; done < count; size = min<u32>(size << 1, CHUNK)) {
    const chunk = min<u32>(size, count - done);
    const s01 = load<u64>(workload);
    const s23 = load<u64>(workload, 8);
    const cursor = load<u32>(workload, 16);
    const flag = drawAccesses(workload, chunk);
    const applied = guestTouchUntilAbsent(guest, ACCESSES, chunk, now, flag);
    done += applied;
    if (applied === chunk) continue;
    store<u64>(workload, s01);
    store<u64>(workload, s23, 8);
    store<u32>(workload, cursor, 16);
    drawAccesses(workload, applied);
    break;
  }
  return done;
}

/** Draws `count` accesses and only marks in `bits` the pages that they write. */
export function workloadMark(workload: usize, count: u32, bits: usize): void {
  for (let left = count; left > 0; ) {
    const chunk = left < CHUNK ? left : CHUNK;
    accessMarkWrites(ACCESSES, chunk, bits, drawAccesses(workload, chunk));
    left -= chunk;
  }
}

/** Draws `count` accesses as access words into `out`. */
export function workloadDraw(workload: usize, count: u32, out: usize): void {
  for (let done: u32 = 0; done < count; ) {
    const chunk = count - done < CHUNK ? count - done : CHUNK;
    const flag = drawAccesses(workload, chunk);
    const to = out + ((<usize>done) << 2);
    for (let i: usize = 0, end = (<usize>chunk) << 2; i < end; i += 4) {
      store<u32>(to + i, load<u32>(ACCESSES + i) | flag);
    }
    done += chunk;
  }
}

/** Draws a chunk; returns WRITE when all of it are writes, for who applies it to OR in. */
function drawAccesses(workload: usize, count: u32): u32 {
  const kind = load<u32>(workload, 20);
  const first = load<u32>(workload, 24);
  const pages = load<u32>(workload, 28);
  const writeDraw = load<u32>(workload, 36);
  const pageDraws: u32 = kind === UNIFORM ? 1 : kind === ZIPF || kind === HOT_COLD ? 2 : 0;
  const draws = pageDraws + writeDraw;
  if (draws !== 0) randomFill(workload, DRAWS, count * draws);
  const stride = (<usize>draws) << 2;
  if (kind === UNIFORM) uniform(count, stride, first, pages);
  else if (kind === ZIPF) zipf(count, stride, first, pages, workload);
  else if (kind === HOT_COLD) hotCold(count, stride, first, pages, workload);
  else sequential(count, first, pages, workload);
  const threshold = load<u64>(workload, 48);
  if (writeDraw === 0) return threshold === 0 ? 0 : WRITE;
  markWrites(count, stride, (<usize>pageDraws) << 2, threshold);
  return 0;
}

function uniform(count: u32, stride: usize, first: u32, pages: u32): void {
  let draw = DRAWS;
  for (let i: usize = 0, end = (<usize>count) << 2; i < end; i += 4, draw += stride) {
    store<u32>(ACCESSES + i, first + below(load<u32>(draw), pages));
  }
}

function zipf(count: u32, stride: usize, first: u32, pages: u32, workload: usize): void {
  const table = workload + <usize>load<u32>(workload, 56);
  let draw = DRAWS;
  for (let i: usize = 0, end = (<usize>count) << 2; i < end; i += 4, draw += stride) {
    const column = below(load<u32>(draw), pages);
    const entry = load<u64>(table + ((<usize>column) << 3));
    // A branch here would be mispredicted often: both outcomes are at hand, so select.
    const page = select<u32>(column, u32(entry >> 32), load<u32>(draw, 4) < <u32>entry);
    store<u32>(ACCESSES + i, first + page);
  }
}

function hotCold(count: u32, stride: usize, first: u32, pages: u32, workload: usize): void {
  const hot = load<u32>(workload, 32);
  const threshold = load<u64>(workload, 40);
  let draw = DRAWS;
  for (let i: usize = 0, end = (<usize>count) << 2; i < end; i += 4, draw += stride) {
    const isHot = <u64>load<u32>(draw) < threshold;
    const offset = select<u32>(0, hot, isHot);
    const range = select<u32>(hot, pages - hot, isHot);
    store<u32>(ACCESSES + i, first + offset + below(load<u32>(draw, 4), range));
  }
}

function sequential(count: u32, first: u32, pages: u32, workload: usize): void {
  let cursor = load<u32>(workload, 16);
  for (let i: usize = 0, end = (<usize>count) << 2; i < end; i += 4) {
    store<u32>(ACCESSES + i, first + cursor);
    cursor = select<u32>(0, cursor + 1, cursor + 1 === pages);
  }
  store<u32>(workload, cursor, 16);
}

/** Sets the write bit by one more draw each. */
function markWrites(count: u32, stride: usize, drawAt: usize, threshold: u64): void {
  let draw = DRAWS + drawAt;
  for (let i: usize = 0, end = (<usize>count) << 2; i < end; i += 4, draw += stride) {
    const write = u32(<u64>load<u32>(draw) < threshold);
    store<u32>(ACCESSES + i, load<u32>(ACCESSES + i) | (write << 31));
  }
}

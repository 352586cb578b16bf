/**
 * What a guest does to its memory over its own time: it is run from one instant of guest time to
 * another, and touches pages as it goes. Guest time stands still while the guest is paused and
 * runs slower while it is throttled. An activity is made of streams, which can also be run one by
 * one: where pages are absent, one of them stops while the others go on.
 */
import type { GuestPages, PageBitmap } from "../kernels/index.js";

export interface GuestActivity {
  /** How many parts can run apart: a component of a synthetic guest is one, a trace is one. */
  readonly streams: number;
  /** Applies the accesses of (fromNs, toNs] of guest time. Must be called without gaps. */
  run(guest: GuestPages, fromNs: number, toNs: number): void;
  /**
   * Applies the accesses of one stream in (fromNs, toNs] of its own time, without gaps too. While
   * `guest.faulting`, it stops before an access to an absent page, which `guest.fault` names:
   * returns `toNs`, or the last instant before that access, an earlier one; run on from there.
   * Use is stamped with `nowTicks`, left out: with `toNs` in microseconds.
   */
  runStream(
    stream: number,
    guest: GuestPages,
    fromNs: number,
    toNs: number,
    nowTicks?: number,
  ): number;
  /** Cuts (fromNs, toNs] into as many parts as there are bitmaps, and marks in each the pages that
   * will be written in its part. The guest stays as it is; `fromNs` is where it stands (a stream
   * that lags behind is seen ahead from where it stands itself). */
  lookAhead(parts: readonly PageBitmap[], fromNs: number, toNs: number): void;
  /** Does it ever read? Reference bits mean nothing without. */
  readonly hasReads: boolean;
}

/** Boundaries of (fromNs, toNs] cut into `parts` parts, both ends included. */
export function partBounds(fromNs: number, toNs: number, parts: number): number[] {
  const bounds: number[] = [];
  for (let i = 0; i <= parts; i++) bounds.push(fromNs + Math.floor(((toNs - fromNs) * i) / parts));
  return bounds;
}

/** Guest time as the kernels' clock: microseconds, mod 2^32. */
export function ticksAt(ns: number): number {
  return Math.floor(ns / 1000) % 0x1_0000_0000;
}

/** The last instant of [fromNs, toNs) before `isPast` turns true; it is at toNs, and stays so. */
export function lastInstantBefore(
  fromNs: number,
  toNs: number,
  isPast: (ns: number) => boolean,
): number {
  let before = fromNs;
  let past = toNs;
  while (past - before > 1) {
    const middle = Math.floor((before + past) / 2);
    if (isPast(middle)) past = middle;
    else before = middle;
  }
  return before;
}

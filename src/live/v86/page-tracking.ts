/**
 * Which pages a v86 guest wrote or used, however it is found out: the log of a hypervisor. Pages
 * are looked at between the guest's turns only, so every reading is atomic for the guest.
 */
import type { PageBitmap, U32Buffer } from "../../kernels/index.js";

export interface PageTracking {
  readonly kind: "tlb" | "hash";
  /** Every page is clean from now on. */
  start(): void;
  /** into := pages written since the last reading or the start; clears them. Returns how many. */
  harvest(into: PageBitmap): number;
  /** mask[i] := page i of the list is written; clears nothing. */
  peek(pages: U32Buffer, mask: U32Buffer): void;
  /** into := pages used since the last such reading; undefined where nothing tells. */
  readonly references: ((into: PageBitmap) => number) | undefined;
  /**
   * First writes to clean pages, counted up modulo 2^32; undefined where nothing tells. Readings
   * of the log make pages clean.
   */
  readonly firstWrites: (() => number) | undefined;
}

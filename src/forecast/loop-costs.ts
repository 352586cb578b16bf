/**
 * What a migration costs beside its pages, as named physical constants: the same for every run of a
 * machine. The defaults were measured between two processes of QEMU 7.2.22 in software emulation
 * (a machine without devices, memory in shared files); give your own where you have measured them.
 */

/** Times in ms unless the name says otherwise. */
export interface LoopCosts {
  /** Until the migration thread has read the log for the first time. */
  readonly setupMs: number;
  /** How late a sleeping migration thread notices that a window has ended. */
  readonly wakeUpMs: number;
  /** Reading the log once: bitmaps are walked, memory is write-protected again. */
  readonly syncMs: number;
  /** Source, per page with contents: find, copy, system call. */
  readonly pageUs: number;
  /** Source, per page that is compared with what was sent before (XBZRLE). */
  readonly encodeUs: number;
  /** Source, per page of zeros: it is read whole ... */
  readonly zeroPageUs: number;
  /** ... and memory that was never touched faults. */
  readonly untouchedPageUs: number;
  /** So long after the start a page of zeros costs so many times more: both ends are cold. */
  readonly coldMs: number;
  readonly coldFactor: number;
  /** Target, per page of zeros: memory that was never touched faults. */
  readonly targetZeroPageUs: number;
  /** Stop phase where nothing limits the bytes but loopback: per page, both ends. */
  readonly loopbackPageUs: number;
  /** What leaves the sender before the link has carried it, and what the link has carried before
   * the target has taken it: a socket each. */
  readonly socketBytes: number;
  /** CPU and devices. */
  readonly deviceStateBytes: number;
  /** Stop phase: guest stopped, log read, state of devices collected. */
  readonly stopMs: number;
  /** Target: from the last byte to the first instruction. */
  readonly resumeMs: number;
  /** Post-copy, target: dropping one page, one run of pages that were written again. */
  readonly discardPageUs: number;
  readonly discardRunUs: number;
}

export const QEMU72_COSTS: LoopCosts = {
  // `syncs[0].t_ms` of the fit half: 2 to 6.
  setupMs: 3,
  // `windows` of runs under QEMU's own limit: 100.09 to 100.3 ms apart.
  wakeUpMs: 0.2,
  syncMs: 0.3,
  // 1.1 us: measured beforehand in a loop over loopback (no run was looked at).
  pageUs: 1.1,
  encodeUs: 2,
  // `host.src_cpu_ms` of guests that had been loaded, less their pages with contents.
  zeroPageUs: 1,
  // `series` of `fillzero`: 49,000 pages of zeros in 225 ms, both ends as busy as the clock.
  untouchedPageUs: 4.5,
  // The 4,096 pages of zeros that the bare-metal guests begin with take 27 to 31 ms.
  coldMs: 50,
  coldFactor: 1.6,
  targetZeroPageUs: 3.2,
  // 37.8 MB in 23 ms, 9.7 MB in 7 ms.
  loopbackPageUs: 2.2,
  // `series`: bytes sent less what the link carried, 20 ms after the start.
  socketBytes: 150_000,
  deviceStateBytes: 50_000,
  stopMs: 1,
  resumeMs: 1,
  // Three post-copy runs of the fit half: 4,600 pages in 3,700 runs, 13,500 in 2,400, 23,800 in 200.
  discardPageUs: 1.2,
  discardRunUs: 3.4,
};

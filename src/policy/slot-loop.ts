/**
 * QEMU's loop as numbers and pure functions (migration/migration.c, migration/ram.c). There are no
 * rounds that send a whole set: pages go out round-robin, and the log is read anew whenever what
 * is known to be unsent falls below a threshold, the bytes that the last window's bandwidth would
 * carry in the downtime limit. Bandwidth is limited and measured in windows ("slots").
 */

/** What a closed window measured. */
export interface SlotWindow {
  /** Bytes on the wire in the window, headers included. */
  readonly bytes: number;
  /** Length of the window: the slot and however late its end was noticed. */
  readonly elapsedNs: number;
  readonly downtimeLimitNs: number;
}

/** What it leads to, until the next window closes. */
export interface SlotEstimate {
  readonly bandwidthBytesPerSec: number;
  /** Unsent bytes that fit into the downtime limit; compared in guest bytes, without headers. */
  readonly thresholdBytes: number;
}

/** Nothing fits before the first window has closed. */
export const NO_ESTIMATE: SlotEstimate = { bandwidthBytesPerSec: 0, thresholdBytes: 0 };

/** Bytes that the stream adds. */
export interface SlotStream {
  /** Before the contents of a page. */
  readonly pageHeaderBytes: number;
  /** A page of zeros, header included. */
  readonly zeroPageBytes: number;
  /** Added to the header of the first page of another memory block (length, name). */
  readonly blockNameBytes: number;
  /** Around each slice: section header, end of section, footer. */
  readonly sectionBytes: number;
}

/** `stop`: pause and finish. `sync`: read the log, then ask again with `synced`. */
export type SlotStep = "send" | "sync" | "stop";

/** Asked before every slice of sending. */
export interface SlotState {
  /** Known to be unsent, guest bytes. */
  readonly remainingBytes: number;
  readonly thresholdBytes: number;
  /** The log was read since the last slice was sent. */
  readonly synced: boolean;
}

export interface SlotLoop {
  /** A window's length; the sender may send `quotaBytes` in each. */
  readonly slotNs: number;
  /** Bytes a window; Infinity = as the link allows. May be overshot by one page. */
  readonly quotaBytes: number;
  /** A slice of sending ends after so long, at the next look at the clock. */
  readonly sliceNs: number;
  /** Pages between two looks at the clock. */
  readonly slicePages: number;
  /** The stop phase knows no limit but the link's. */
  readonly stopBandwidthBytesPerSec: number;
  readonly stream: SlotStream;
  closeWindow(window: SlotWindow): SlotEstimate;
  nextStep(state: SlotState): SlotStep;
}

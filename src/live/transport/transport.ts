/**
 * What carries a migration's bytes between two machines: an ordered, reliable stream of bytes with
 * back-pressure and an end, as a TCP connection gives (RFC 9293). Sockets, message ports and
 * broadcast channels all become this, so that the sessions above know nothing of the medium.
 */
import { PrecopyError } from "../../base/errors.js";

/** One end of a connection that stands. Bytes arrive in order, in chunks of any size. */
export interface Transport {
  /**
   * Takes all bytes at once (the caller may reuse its buffers as soon as this returns) and resolves
   * when there is room for more. Writes that do not wait for one another keep their order, and
   * nothing bounds what they pile up but the caller. Rejects with a {@link PrecopyError} when the
   * transport is closed, or ends before there is room.
   */
  write(parts: readonly Uint8Array[]): Promise<void>;
  /** What was taken and is not yet with the medium, or where that can be seen with the other end. */
  readonly bufferedBytes: number;
  /**
   * Who takes what arrives; the chunks are the handler's own. A second call replaces the first
   * handler. Bytes that came before are kept and handed over soon after, never from inside this
   * call. A handler that throws ends the transport with what it threw.
   */
  onData(handler: (bytes: Uint8Array) => void): void;
  /**
   * Who hears of the end: once, behind the last byte that arrived (so not before there is a data
   * handler to take it). `undefined` is an orderly end, or our own {@link destroy}; where the medium
   * cannot tell (a killed process ends a TCP connection in order) only the session's farewell can.
   */
  onClose(handler: (error: Error | undefined) => void): void;
  /**
   * Ends both directions in order: what either end had written by then is delivered first. Resolves
   * when the connection is gone, which {@link CLOSE_TIMEOUT_MS} bounds; never rejects, the close
   * handler gets the error.
   */
  close(): Promise<void>;
  /** Ends at once. What is under way may be lost; the other end is told where the medium can. */
  destroy(): void;
  /** For messages: the medium and the peer, as in "TCP connection to 10.0.0.2:4444". */
  readonly description: string;
  /** Bytes taken by {@link write}. */
  readonly bytesWritten: number;
  /** Bytes that arrived, handed on or kept. */
  readonly bytesRead: number;
}

/** How long {@link Transport.close} waits for the other end before it destroys. Our choice. */
export const CLOSE_TIMEOUT_MS = 10_000;

/**
 * Where back-pressure begins: 1 MiB is 42 ms at 200 Mbit/s, so an urgent page waits no longer than
 * that behind what a transport holds. Our choice.
 */
export const BUFFERED_BYTES_MAX = 1024 * 1024;

/** The sum of the parts' lengths. */
export function byteLength(parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) sum += part.length;
  return sum;
}

/** Why a write was not taken. */
export function closedError(description: string, why: string): PrecopyError {
  return new PrecopyError(
    "aborted",
    `the ${description} takes no more bytes: ${why}; connect again to go on`,
  );
}

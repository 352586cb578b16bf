/**
 * Errors that a user can cause and mend: one sentence that names what, where, the value, the
 * limit and the next step. The code decides the exit status of the command line.
 */

/** What kind of mistake it was. `bad-input` and the rest end the CLI with 2, `aborted` with 4. */
export type PrecopyErrorCode =
  | "bad-input"
  | "bad-scenario"
  | "bad-trace"
  | "trace-ended"
  | "unknown-name"
  | "arena-full"
  | "limit"
  | "unsupported"
  /** The other end of a live migration does not keep to docs/PROTOCOL.md. */
  | "protocol"
  | "aborted";

/** Where a mistake stands: a file, and in it a line and column (both from 1), or a byte offset. */
export interface ErrorPlace {
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  readonly offsetBytes?: number;
}

/** An operating error. `message` is a full sentence; `place` is already part of it when known. */
export class PrecopyError extends Error {
  override readonly name = "PrecopyError";

  constructor(
    readonly code: PrecopyErrorCode,
    message: string,
    readonly place: ErrorPlace = {},
  ) {
    super(formatPlace(place) + message);
  }
}

function formatPlace(place: ErrorPlace): string {
  const parts: string[] = [];
  if (place.file !== undefined) parts.push(place.file);
  if (place.line !== undefined) parts.push(`${place.line}`);
  if (place.column !== undefined) parts.push(`${place.column}`);
  const where = parts.join(":");
  if (place.offsetBytes !== undefined) {
    return `${where === "" ? "" : `${where}, `}byte ${place.offsetBytes}: `;
  }
  return where === "" ? "" : `${where}: `;
}

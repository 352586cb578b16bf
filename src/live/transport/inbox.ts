/**
 * What a transport has received and nobody has taken: kept in order until there is a handler, and
 * the end behind it.
 */

/** What the transport around an {@link Inbox} has to hear. */
export interface InboxOwner {
  /** The handler has taken this many bytes. */
  taken(bytes: number): void;
  /** The handler threw: the transport must end with this. */
  failed(error: Error): void;
}

export class Inbox {
  private kept: Uint8Array[] = [];
  private dataHandler: ((bytes: Uint8Array) => void) | undefined;
  private closeHandler: ((error: Error | undefined) => void) | undefined;
  private end: { readonly error: Error | undefined } | undefined;
  private isHanding = false;
  private isReported = false;
  private waitingBytes = 0;
  private received = 0;

  constructor(private readonly owner: InboxOwner) {}

  /** Bytes that wait for a handler. */
  get keptBytes(): number {
    return this.waitingBytes;
  }

  /** Bytes that ever came in. */
  get receivedBytes(): number {
    return this.received;
  }

  /** Bytes from the medium; handed on at once where there is a handler. */
  put(bytes: Uint8Array): void {
    if (this.end !== undefined || bytes.length === 0) return;
    this.received += bytes.length;
    this.kept.push(bytes);
    this.waitingBytes += bytes.length;
    this.handOver();
  }

  /** Nothing more will come. Only the first call counts. `discard` drops what is kept. */
  close(error: Error | undefined, discard: boolean): void {
    if (this.end !== undefined) return;
    this.end = { error };
    if (discard) {
      this.kept = [];
      this.waitingBytes = 0;
    }
    queueMicrotask(() => this.handOver());
  }

  onData(handler: (bytes: Uint8Array) => void): void {
    this.dataHandler = handler;
    queueMicrotask(() => this.handOver());
  }

  onClose(handler: (error: Error | undefined) => void): void {
    this.closeHandler = handler;
    queueMicrotask(() => this.handOver());
  }

  private handOver(): void {
    if (this.isHanding) return;
    this.isHanding = true;
    try {
      while (this.dataHandler !== undefined && this.kept.length > 0) this.handOne(this.dataHandler);
    } finally {
      this.isHanding = false;
    }
    if (this.end === undefined || this.kept.length > 0) return;
    if (this.isReported || this.closeHandler === undefined) return;
    this.isReported = true;
    this.closeHandler(this.end.error);
  }

  private handOne(handler: (bytes: Uint8Array) => void): void {
    const bytes = this.kept.shift() as Uint8Array;
    this.waitingBytes -= bytes.length;
    try {
      handler(bytes);
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      // An end that came in meanwhile in order must not hide what the handler found.
      this.end = { error };
      this.kept = [];
      this.waitingBytes = 0;
      this.owner.failed(error);
      return;
    }
    this.owner.taken(bytes.length);
  }
}

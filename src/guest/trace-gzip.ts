/**
 * gzip by the streams that Node and browsers share (Compression Streams, WHATWG), as generators:
 * chunks in, chunks out, with no more in between than the stream's own buffers.
 */
import { PrecopyError } from "../base/errors.js";

/** Decompresses. Damaged or cut data is refused in the name of `file`. */
export async function* gunzip(
  chunks: AsyncIterable<Uint8Array>,
  file: string,
): AsyncGenerator<Uint8Array> {
  let sizeBytes = 0;
  const through = new DecompressionStream("gzip") as ByteTransform;
  const run = new Pipe(chunks, through);
  try {
    for (;;) {
      const chunk = await run.next();
      if (chunk === undefined) return;
      sizeBytes += chunk.length;
      yield chunk;
    }
  } catch (error) {
    if (run.inputFailed) throw run.inputError;
    if (error instanceof PrecopyError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    const problem = `the gzip data is damaged or cut off ${sizeBytes} decompressed bytes on`;
    throw new PrecopyError("bad-trace", `${problem} (${reason})`, { file });
  } finally {
    await run.stop();
  }
}

/** Compresses. */
export async function* gzip(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const run = new Pipe(chunks, new CompressionStream("gzip") as ByteTransform);
  try {
    for (;;) {
      const chunk = await run.next();
      if (chunk === undefined) return;
      yield chunk;
    }
  } catch (error) {
    throw run.inputFailed ? run.inputError : error;
  } finally {
    await run.stop();
  }
}

interface ByteTransform {
  readonly writable: WritableStream<Uint8Array>;
  readonly readable: ReadableStream<Uint8Array>;
}

/** Feeds chunks to a transform while its output is read, and tells the input's errors apart. */
class Pipe {
  inputFailed = false;
  inputError: unknown;
  private readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  private readonly pumped: Promise<void>;

  constructor(chunks: AsyncIterable<Uint8Array>, through: ByteTransform) {
    this.reader = through.readable.getReader();
    // A failed write fails the reading side as well, which reports it.
    this.pumped = this.pump(chunks, through.writable.getWriter()).catch(() => {});
  }

  async next(): Promise<Uint8Array | undefined> {
    const { done, value } = await this.reader.read();
    return done ? undefined : value;
  }

  /** Ends early or after the end: nothing is left running. */
  async stop(): Promise<void> {
    await this.reader.cancel().catch(() => {});
    await this.pumped;
  }

  private async pump(
    chunks: AsyncIterable<Uint8Array>,
    writer: WritableStreamDefaultWriter<Uint8Array>,
  ): Promise<void> {
    // Also watched so that a failure is never an unhandled rejection.
    writer.closed.catch(() => {});
    const input = chunks[Symbol.asyncIterator]();
    try {
      for (;;) {
        const { done, value } = await this.nextInput(input);
        if (done) break;
        await writer.ready;
        await writer.write(value);
      }
      await writer.close();
    } catch (error) {
      await writer.abort(error).catch(() => {});
    } finally {
      await input.return?.();
    }
  }

  private async nextInput(input: AsyncIterator<Uint8Array>): Promise<IteratorResult<Uint8Array>> {
    try {
      return await input.next();
    } catch (error) {
      this.inputFailed = true;
      this.inputError = error;
      throw error;
    }
  }
}

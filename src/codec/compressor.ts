/**
 * What page compressors have in common: each page alone, a stream header, a big-endian u32 length and
 * the compressed bytes (as QEMU's compress threads send them, migration/qemu-file.c,
 * qemu_put_compression_data, verified; they wrap deflate in zlib, 6 bytes more); a page that does not get smaller is left to the
 * next stage, and the time is lost.
 */
import type { ContentProfile } from "../guest/content-profile.js";
import { type BatchCost, type CodecStage, PAGE_BYTES, type StageBatch } from "./codec.js";
import type { FrameReader, FrameWriter } from "./frame.js";
import type { PageBatch, StageEncoder } from "./stage.js";

const LENGTH_BYTES = 4;

/** Bytes of a page by the profile. */
export type CompressedBytes = (profile: ContentProfile, page: number, version: number) => number;

/** Compresses a page, or expands one; what it throws for bytes it cannot read is caught. */
export type PageTransform = (bytes: Uint8Array) => Uint8Array | Promise<Uint8Array>;

export class CompressorModel implements CodecStage {
  private pages = 0;
  private bytes = 0;
  private incompressible = 0;

  constructor(
    private readonly profile: ContentProfile,
    private readonly bytesOf: CompressedBytes,
    private readonly cpuNs: number,
  ) {}

  take({ pages, versions, open }: StageBatch, cost: BatchCost): void {
    for (let i = 0; i < pages.length; i++) {
      if (open[i] === 0) continue;
      cost.cpuNs += this.cpuNs;
      const bytes = this.bytesOf(this.profile, pages[i] as number, versions[i] as number);
      if (!isWorthIt(bytes)) {
        this.incompressible++;
        continue;
      }
      open[i] = 0;
      cost.headerPages++;
      cost.bodyBytes += LENGTH_BYTES + bytes;
      this.pages++;
      this.bytes += bytes;
    }
  }

  roundEnded(): void {}

  lastStage(): void {}

  describe(): Record<string, number> {
    const { pages, bytes, incompressible } = this;
    return {
      pages,
      incompressible,
      meanBytes: pages === 0 ? 0 : bytes / pages,
      savedBytes: pages * (PAGE_BYTES - LENGTH_BYTES) - bytes,
    };
  }
}

export class CompressorEncoder implements StageEncoder {
  constructor(
    private readonly flag: number,
    private readonly compress: PageTransform,
  ) {}

  async encode({ pages, open, pageAt }: PageBatch, writer: FrameWriter): Promise<void> {
    for (let i = 0; i < pages.length; i++) {
      if (open[i] === 0) continue;
      const compressed = await this.compress(pageAt(i));
      if (!isWorthIt(compressed.length)) continue;
      open[i] = 0;
      writer.header(pages[i] as number, this.flag);
      writer.be32(compressed.length);
      writer.bytes(compressed);
    }
  }
}

/** The compressed bytes of a record, a view of the frame. */
export function takeCompressed(reader: FrameReader): Uint8Array {
  const length = reader.be32("a compressed length");
  if (length === 0 || !isWorthIt(length)) {
    throw reader.malformed(`a compressed page of ${length} bytes, from 1 to ${BYTES_MAX}`);
  }
  return reader.take(length, "a compressed page");
}

const BYTES_MAX = PAGE_BYTES - LENGTH_BYTES - 1;

function isWorthIt(bytes: number): boolean {
  return bytes <= BYTES_MAX;
}

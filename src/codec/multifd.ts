/**
 * Parallel channels: whole pages in packets of 128, dealt to the channels in turn, and a sync packet
 * on each channel once a round (QEMU migration/multifd.c and multifd.h, MultiFDPacket_t of version 1).
 *
 *   ┌───────────────┬───────────┬──────────────┬─────────────────┐
 *   │ fixed, 64     │ ramblock  │ 128 offsets  │ pages           │
 *   │ bytes         │ 256 bytes │ of 8 bytes   │ n x 4096 bytes  │
 *   └───────────────┴───────────┴──────────────┴─────────────────┘
 *
 * The header has room for 128 offsets however few pages there are. Packets are cut at the end of a
 * batch. Sizes and magic verified in multifd.h and multifd.c (packet_len).
 */
import { PrecopyError } from "../base/errors.js";
import { durationParam } from "../base/params.js";
import {
  type BatchCost,
  type CodecFactory,
  type CodecStage,
  checkPageSize,
  PAGE_BYTES,
  type StageBatch,
} from "./codec.js";
import type { PageBatch, StageEncoder } from "./stage.js";

/** MULTIFD_PACKET_SIZE (512 KiB) in pages; migration/multifd.h. */
const PACKET_PAGES = 128;
const FIXED_BYTES = 64;
const RAMBLOCK_BYTES = 256;
export const PACKET_HEADER_BYTES = FIXED_BYTES + RAMBLOCK_BYTES + 8 * PACKET_PAGES;

/** MULTIFD_MAGIC, MULTIFD_VERSION; migration/multifd.c. */
const MAGIC = 0x11223344;
const VERSION = 1;
/** MULTIFD_FLAG_SYNC; migration/multifd.h. */
const FLAG_SYNC = 1;
const RAMBLOCK = "pc.ram";

const CHANNELS = {
  kind: "integer",
  default: 2,
  min: 1,
  max: 255,
  help: "parallel streams (QEMU's default)",
} as const;

export const multifd: CodecFactory = {
  name: "multifd",
  summary: "whole pages over parallel channels, 128 a packet",
  source: "QEMU migration/multifd.c, multifd.h",
  params: {
    channels: CHANNELS,
    cpu: { kind: "duration", default: 200, help: "the encoder's time a page (round figure)" },
  },
  takesAll: true,
  createModel: ({ pageSizeBytes }, params) => {
    checkPageSize("multifd", pageSizeBytes);
    return new MultifdModel(params.channels as number, durationParam(params, "cpu"));
  },
};

class MultifdModel implements CodecStage {
  private isSyncDue = false;
  private packets = 0;
  private pages = 0;

  constructor(
    private readonly channels: number,
    private readonly cpuNs: number,
  ) {}

  take({ pages, open }: StageBatch, cost: BatchCost): void {
    let taken = 0;
    for (let i = 0; i < pages.length; i++) {
      taken += open[i] as number;
      open[i] = 0;
    }
    const syncs = this.isSyncDue ? this.channels : 0;
    this.isSyncDue = false;
    const packets = Math.ceil(taken / PACKET_PAGES) + syncs;
    cost.rawPages += taken;
    cost.bodyBytes += taken * PAGE_BYTES + packets * PACKET_HEADER_BYTES;
    // The channels encode at the same time.
    cost.cpuNs += (taken * this.cpuNs) / this.channels;
    this.packets += packets;
    this.pages += taken;
  }

  roundEnded(): void {
    this.isSyncDue = true;
  }

  lastStage(): void {}

  describe(): Record<string, number> {
    return { pages: this.pages, packets: this.packets };
  }
}

/** A packet and the channel that it goes over. */
export interface MultifdPacket {
  readonly channel: number;
  readonly bytes: Uint8Array;
}

/** Has no records in the frame: its packets are taken with {@link takePackets}. */
export class MultifdEncoder implements StageEncoder {
  private isSyncDue = false;
  private number = 0;
  private packets: MultifdPacket[] = [];

  constructor(private readonly channels: number = CHANNELS.default) {}

  encode({ pages, open, pageAt }: PageBatch): void {
    if (this.isSyncDue) {
      for (let k = 0; k < this.channels; k++) this.add(this.makePacket([], FLAG_SYNC, pageAt));
      this.isSyncDue = false;
    }
    const left: number[] = [];
    for (let i = 0; i < pages.length; i++) if (open[i] === 1) left.push(i);
    open.fill(0, 0, pages.length);
    for (let at = 0; at < left.length; at += PACKET_PAGES) {
      const some = left.slice(at, at + PACKET_PAGES);
      const bytes = this.makePacket(
        some.map((i) => pages[i] as number),
        0,
        (k) => pageAt(some[k] as number),
      );
      this.add(bytes);
    }
  }

  roundEnded(): void {
    this.isSyncDue = true;
  }

  /** What the last batches made, in the order of their numbers. */
  takePackets(): readonly MultifdPacket[] {
    const packets = this.packets;
    this.packets = [];
    return packets;
  }

  private add(bytes: Uint8Array): void {
    this.packets.push({ channel: this.number++ % this.channels, bytes });
  }

  private makePacket(
    pages: readonly number[],
    flags: number,
    content: (k: number) => Uint8Array,
  ): Uint8Array {
    const bytes = new Uint8Array(PACKET_HEADER_BYTES + pages.length * PAGE_BYTES);
    const view = new DataView(bytes.buffer);
    const words = [MAGIC, VERSION, flags, PACKET_PAGES, pages.length, pages.length * PAGE_BYTES];
    words.forEach((word, i) => {
      view.setUint32(4 * i, word);
    });
    view.setBigUint64(24, BigInt(this.number));
    for (let i = 0; i < RAMBLOCK.length; i++) bytes[FIXED_BYTES + i] = RAMBLOCK.charCodeAt(i);
    pages.forEach((page, k) => {
      view.setBigUint64(FIXED_BYTES + RAMBLOCK_BYTES + 8 * k, BigInt(page) * BigInt(PAGE_BYTES));
      bytes.set(content(k), PACKET_HEADER_BYTES + k * PAGE_BYTES);
    });
    return bytes;
  }
}

/** Hands each page of a packet to `page`, after the whole packet was found to be in order. */
export function decodePacket(
  packet: Uint8Array,
  pages: number,
  page: (page: number, content: Uint8Array) => void,
): void {
  const wrong = (why: string) =>
    new PrecopyError(
      "bad-input",
      `a multifd packet is malformed: ${why}; nothing of it was applied, send it again`,
    );
  if (packet.length < PACKET_HEADER_BYTES) {
    throw wrong(`${packet.length} bytes do not hold its header of ${PACKET_HEADER_BYTES}`);
  }
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const [magic, version, flags, allocated, count, next] = Array.from({ length: 6 }, (_, i) =>
    view.getUint32(4 * i),
  ) as [number, number, number, number, number, number];
  if (magic !== MAGIC || version !== VERSION) {
    throw wrong(`magic ${magic.toString(16)}, version ${version}`);
  }
  if ((flags & ~FLAG_SYNC) !== 0) throw wrong(`flags ${flags} ask for a compression`);
  if (allocated !== PACKET_PAGES || count > PACKET_PAGES) {
    throw wrong(`${count} pages of ${allocated}, at most ${PACKET_PAGES}`);
  }
  const length = count * PAGE_BYTES;
  if (next !== length || packet.length !== PACKET_HEADER_BYTES + length) {
    throw wrong(`${packet.length} bytes for ${count} pages, said to be ${next}`);
  }
  for (let i = 0; i < RAMBLOCK_BYTES; i++) {
    const expected = i < RAMBLOCK.length ? RAMBLOCK.charCodeAt(i) : 0;
    if (packet[FIXED_BYTES + i] !== expected) throw wrong(`another block than ${RAMBLOCK}`);
  }
  const numbers = Array.from({ length: count }, (_, k) => {
    const offset = Number(view.getBigUint64(FIXED_BYTES + RAMBLOCK_BYTES + 8 * k));
    const number = offset / PAGE_BYTES;
    if (!Number.isInteger(number) || number >= pages) throw wrong(`no page is at ${offset}`);
    return number;
  });
  numbers.forEach((number, k) => {
    const at = PACKET_HEADER_BYTES + k * PAGE_BYTES;
    page(number, packet.subarray(at, at + PAGE_BYTES));
  });
}

/**
 * A frame: records of pages, each a header and a body, then an end mark, in the manner of QEMU's RAM
 * section (migration/ram.c, save_page_header): big-endian u64 with the page's address in its upper
 * bits and what follows in the lower twelve.
 *
 *   ┌────────────────┬──────┬────────────────┬──────┬─···─┬─────┐
 *   │ address | flag │ body │ address | flag │ body │     │ EOS │
 *   └────────────────┴──────┴────────────────┴──────┴─···─┴─────┘
 *
 * The flags are QEMU's (RAM_SAVE_FLAG_*, verified in migration/ram.c); zstd and digests, which its
 * stream does not have, take bits that it leaves free with pages of 4 KiB.
 */
import { assert } from "../base/assert.js";
import { PrecopyError } from "../base/errors.js";

export const FLAG_ZERO = 0x02;
export const FLAG_PAGE = 0x08;
export const FLAG_EOS = 0x10;
export const FLAG_XBZRLE = 0x40;
export const FLAG_DEFLATE = 0x100;
export const FLAG_ZSTD = 0x400;
export const FLAG_DIGEST = 0x800;

export const HEADER_BYTES = 8;

const FLAGS_MASK = 0xfff;
const PAGE_BITS = 12;

/** Collects a frame in a buffer that is made once. */
export class FrameWriter {
  private readonly buffer: Uint8Array;
  private readonly view: DataView;
  private at = 0;

  constructor(capacityBytes: number) {
    this.buffer = new Uint8Array(capacityBytes);
    this.view = new DataView(this.buffer.buffer);
  }

  reset(): void {
    this.at = 0;
  }

  header(page: number, flag: number): void {
    this.room(HEADER_BYTES);
    this.view.setUint32(this.at, Math.floor(page / 2 ** (32 - PAGE_BITS)));
    this.view.setUint32(this.at + 4, ((page << PAGE_BITS) | flag) >>> 0);
    this.at += HEADER_BYTES;
  }

  u8(value: number): void {
    this.room(1);
    this.buffer[this.at++] = value;
  }

  be16(value: number): void {
    this.room(2);
    this.view.setUint16(this.at, value);
    this.at += 2;
  }

  be32(value: number): void {
    this.room(4);
    this.view.setUint32(this.at, value);
    this.at += 4;
  }

  bytes(bytes: Uint8Array): void {
    this.room(bytes.length);
    this.buffer.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** Ends the frame and returns a copy of it. */
  finish(): Uint8Array {
    this.header(0, FLAG_EOS);
    return this.buffer.slice(0, this.at);
  }

  private room(bytes: number): void {
    assert(this.at + bytes <= this.buffer.length, `a frame fits ${this.buffer.length} bytes`);
  }
}

/** Reads a frame; whatever is not as it should be is a `bad-input` error that says where. */
export class FrameReader {
  /** Of the record whose header was read last. */
  page = 0;
  flag = 0;

  private readonly view: DataView;
  private at = 0;

  constructor(
    private readonly frame: Uint8Array,
    private readonly pages: number,
  ) {
    this.view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  }

  get offsetBytes(): number {
    return this.at;
  }

  /** Reads the next header; false at the end mark, which has to be the frame's last. */
  next(): boolean {
    this.need(HEADER_BYTES, "a header");
    const high = this.view.getUint32(this.at);
    const low = this.view.getUint32(this.at + 4);
    this.page = high * 2 ** (32 - PAGE_BITS) + (low >>> PAGE_BITS);
    this.flag = low & FLAGS_MASK;
    if (this.flag === FLAG_EOS) {
      if (this.page !== 0) throw this.malformed("the end mark has an address");
      this.at += HEADER_BYTES;
      if (this.at !== this.frame.length) throw this.malformed("bytes follow the end mark");
      return false;
    }
    if (this.page >= this.pages) {
      throw this.malformed(`page ${this.page} is beyond the guest's ${this.pages} pages`);
    }
    this.at += HEADER_BYTES;
    return true;
  }

  u8(what: string): number {
    this.need(1, what);
    return this.frame[this.at++] as number;
  }

  be16(what: string): number {
    this.need(2, what);
    this.at += 2;
    return this.view.getUint16(this.at - 2);
  }

  be32(what: string): number {
    this.need(4, what);
    this.at += 4;
    return this.view.getUint32(this.at - 4);
  }

  /** A view of the next bytes. */
  take(bytes: number, what: string): Uint8Array {
    this.need(bytes, what);
    this.at += bytes;
    return this.frame.subarray(this.at - bytes, this.at);
  }

  malformed(why: string): PrecopyError {
    return new PrecopyError(
      "bad-input",
      `the frame is malformed: ${why}; nothing of it was applied, send it again`,
      { offsetBytes: this.at },
    );
  }

  private need(bytes: number, what: string): void {
    const left = this.frame.length - this.at;
    if (bytes <= left) return;
    throw this.malformed(`${what} needs ${bytes} bytes and ${left} are left`);
  }
}

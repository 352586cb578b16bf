/**
 * A guest in a file: all that a machine needs to go on from where it was stopped. Memory and devices
 * as v86 saves them, the firmware that it has, and a line of JSON in front, compressed as a whole.
 *
 *   gzip( JSON, newline, state, BIOS, VGA BIOS )
 */
import { writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { PrecopyError } from "../../base/errors.js";
import type { V86GuestOptions } from "../../live/v86/index.js";
import { fileError } from "../files.js";
import { readBytes } from "./link-flags.js";

/** What a saved guest is made again from, beside v86 itself. */
export type SavedGuest = Pick<V86GuestOptions, "name" | "memoryBytes" | "vgaMemoryBytes"> & {
  readonly firmware?: { readonly bios: Uint8Array; readonly vgaBios: Uint8Array };
  readonly boot: { readonly state: Uint8Array };
};

interface Head {
  readonly precopyGuest: 1;
  readonly name: string;
  readonly memoryBytes: number;
  readonly vgaMemoryBytes?: number;
  /** Bytes of state, BIOS and VGA BIOS. */
  readonly parts: readonly [number, number, number];
}

/** The largest machine that v86 makes has 2 GiB, and a JavaScript buffer takes 4. */
const UNPACKED_BYTES_MAX = 2 ** 31 + 2 ** 28;
const HEAD_BYTES_MAX = 4096;
/** Memory is mostly zeroes or does not compress: harder tries bring little. */
const LEVEL = 1;

export async function writeStateFile(path: string, guest: SavedGuest): Promise<number> {
  const { name = "v86", memoryBytes, vgaMemoryBytes, firmware, boot } = guest;
  const parts = [boot.state, firmware?.bios, firmware?.vgaBios].map((part) => part ?? NOTHING);
  const head: Head = {
    precopyGuest: 1,
    name,
    memoryBytes,
    ...(vgaMemoryBytes !== undefined && { vgaMemoryBytes }),
    parts: parts.map((part) => part.length) as unknown as Head["parts"],
  };
  const whole = Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), ...parts]);
  const packed = await promisify(gzip)(whole, { level: LEVEL });
  try {
    await writeFile(path, packed);
  } catch (error) {
    throw fileError(error, "written", path);
  }
  return packed.length;
}

const NOTHING = new Uint8Array(0);

export async function readStateFile(path: string): Promise<SavedGuest> {
  const packed = await readBytes(path);
  let whole: Uint8Array;
  try {
    const buffer = await promisify(gunzip)(packed, { maxOutputLength: UNPACKED_BYTES_MAX });
    whole = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  } catch {
    throw notOurs(path);
  }
  const end = whole.subarray(0, HEAD_BYTES_MAX).indexOf(0x0a);
  const head = end < 0 ? undefined : headOf(Buffer.from(whole.subarray(0, end)).toString());
  if (head === undefined) throw notOurs(path);
  const { name, memoryBytes, vgaMemoryBytes } = head;
  const [stateBytes, biosBytes, vgaBiosBytes] = head.parts;
  if (end + 1 + stateBytes + biosBytes + vgaBiosBytes !== whole.length) throw notOurs(path);
  let at = end + 1;
  const next = (bytes: number): Uint8Array => {
    at += bytes;
    return whole.subarray(at - bytes, at);
  };
  const state = next(stateBytes);
  const firmware = { bios: next(biosBytes), vgaBios: next(vgaBiosBytes) };
  return {
    name,
    memoryBytes,
    ...(vgaMemoryBytes !== undefined && { vgaMemoryBytes }),
    ...(biosBytes > 0 && { firmware }),
    boot: { state },
  };
}

function headOf(text: string): Head | undefined {
  let head: Partial<Head> | null;
  try {
    head = JSON.parse(text);
  } catch {
    return undefined;
  }
  const isSize = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
  const isWhole =
    head?.precopyGuest === 1 &&
    typeof head.name === "string" &&
    isSize(head.memoryBytes) &&
    (head.vgaMemoryBytes === undefined || isSize(head.vgaMemoryBytes)) &&
    Array.isArray(head.parts) &&
    head.parts.length === 3 &&
    head.parts.every(isSize);
  return isWhole ? (head as Head) : undefined;
}

function notOurs(file: string): PrecopyError {
  return new PrecopyError(
    "bad-input",
    "is no guest that --save-state has written: give tiny, linux or such a file",
    { file },
  );
}

/**
 * Messages as bytes: fields of fixed order (bytes.ts), then the large things as they are, which are
 * not copied. The first part is the fields'; for pages alone the frame's check ends behind it, since
 * each page has a check of its own.
 *
 *   pages:  region u16, pages u32, packets u32, bytes of the frame u32,
 *           numbers u32 each, XXH64 u64 each, packets' channel u8 and bytes u32 each   <- checked
 *           the codecs' frame, the packets                                             <- as they are
 */
import { assert, unreachable } from "../base/assert.js";
import type { Region } from "../migrate/messages.js";
import type { MachineDescription } from "../migrate/ports.js";
import { ByteReader, type ByteWriter } from "./bytes.js";
import { FRAME_PACKETS_MAX, FRAME_PAGES_MAX, REASON_BYTES_MAX, TEXT_BYTES_MAX } from "./limits.js";
import type {
  Message,
  PagesMessage,
  SourceMessage,
  StandingStage,
  TargetMessage,
} from "./messages.js";

/** Kinds of the source's messages; the first is 1. */
const SOURCE_KINDS = [
  ...(["prepare", "pages", "ask", "device-state", "absent", "empty", "finish", "go"] as const),
  ...(["finish-residual", "abort", "ping", "bye"] as const),
];
/** Kinds of the target's messages; the first is 129. */
const TARGET_KINDS = [
  ...(["prepared", "refused", "image-complete", "running", "announced", "all-received"] as const),
  ...(["refused-to-run", "fault", "answers", "taken", "failed", "standing", "pong"] as const),
];
const SOURCE_FIRST = 1;
const TARGET_FIRST = 129;

export type Kind = Message["kind"];

const NUMBERS = new Map<Kind, number>([
  ...SOURCE_KINDS.map((kind, i) => [kind, SOURCE_FIRST + i] as const),
  ...TARGET_KINDS.map((kind, i) => [kind, TARGET_FIRST + i] as const),
]);

/** In the order of their numbers. */
const STAGES: readonly StandingStage[] = ["unknown", "whole", "starting", "running"];
const NO_BYTES = new Uint8Array(0);

export function kindNumber(kind: Kind): number {
  return NUMBERS.get(kind) as number;
}

/** The kind that `from` says with this number. */
export function kindOf(number: number, from: "source" | "target"): Kind | undefined {
  return from === "source"
    ? SOURCE_KINDS[number - SOURCE_FIRST]
    : TARGET_KINDS[number - TARGET_FIRST];
}

/** Writes the fields and returns what follows them as it is. */
export function writeBody(message: Message, to: ByteWriter): readonly Uint8Array[] {
  return isSources(message) ? writeSources(message, to) : writeTargets(message, to);
}

function isSources(message: Message): message is SourceMessage {
  return kindNumber(message.kind) < TARGET_FIRST;
}

function writeSources(message: SourceMessage, to: ByteWriter): readonly Uint8Array[] {
  switch (message.kind) {
    case "prepare":
      to.u8(message.postCopy ? 1 : 0);
      to.u8(message.deviceState === undefined ? 0 : 1);
      to.text(describe(message.guest));
      to.text(message.codecs);
      return [message.deviceState ?? NO_BYTES];
    case "pages":
      return writePages(message, to);
    case "ask":
      return [message.digests];
    case "device-state":
      return [message.state];
    case "absent":
    case "empty":
      to.u16(regionNumber(message.region));
      writeRuns(message.runs, to);
      return [];
    case "finish":
      to.u32(message.epoch);
      to.u8(message.digest === undefined ? 0 : 1);
      return [message.digest ?? NO_BYTES];
    case "go":
      to.u32(message.epoch);
      return [];
    case "abort":
      to.reason(message.reason);
      return [];
    case "ping":
      to.integer(message.atNs);
      return [];
    case "finish-residual":
    case "bye":
      return [];
    default:
      return unreachable(message);
  }
}

function writeTargets(message: TargetMessage, to: ByteWriter): readonly Uint8Array[] {
  switch (message.kind) {
    case "prepared":
      to.integer(message.atNs);
      to.integer(message.windowBytes);
      return [];
    case "image-complete":
      to.integer(message.atNs);
      to.integer(message.verifyNs);
      to.integer(message.checkedPages);
      return [];
    case "running":
    case "announced":
    case "all-received":
      to.integer(message.atNs);
      return [];
    case "refused-to-run":
      to.u32(message.epoch);
      to.reason(message.reason);
      return [];
    case "refused":
    case "failed":
      to.reason(message.reason);
      return [];
    case "fault":
      to.u32(message.page);
      return [];
    case "answers":
      return [message.wanted];
    case "taken":
      to.integer(message.pages);
      to.integer(message.bytes);
      return [];
    case "standing":
      to.u32(message.epoch);
      to.u8(STAGES.indexOf(message.stage));
      writeRuns(message.absent, to);
      return [];
    case "pong":
      to.integer(message.atNs);
      to.integer(message.receivedNs);
      return [];
    default:
      return unreachable(message);
  }
}

/** Reads a body. What it returns are views of `body`, but for lists of numbers. */
export function readBody(kind: Kind, urgent: boolean, body: Uint8Array): Message {
  const from = new ByteReader(body, kind);
  const message = kind === "pages" ? readPages(from, urgent) : read(kind, from);
  from.end();
  return message;
}

/** Bytes of the fields of a `pages` message, by its body. */
export function pagesTableBytes(pages: number, packets: number): number {
  return PAGES_HEAD_BYTES + 12 * pages + 5 * packets;
}

const PAGES_HEAD_BYTES = 2 + 4 + 4 + 4;

function read(kind: Exclude<Kind, "pages">, from: ByteReader): Message {
  switch (kind) {
    case "prepare":
      return readPrepare(from);
    case "ask":
      return { kind, digests: from.rest() };
    case "device-state":
      return { kind, state: from.rest() };
    case "absent":
    case "empty":
      return { kind, region: readRegion(from), runs: readRuns(from) };
    case "finish": {
      const epoch = from.u32("its epoch");
      const hasDigest = from.flag("whether a digest follows");
      return hasDigest ? { kind, epoch, digest: from.rest() } : { kind, epoch };
    }
    case "go":
      return { kind, epoch: from.u32("its epoch") };
    case "finish-residual":
    case "bye":
      return { kind };
    case "abort":
    case "refused":
    case "failed":
      return { kind, reason: readReason(from) };
    case "prepared":
      return { kind, atNs: from.integer("its time"), windowBytes: from.count("the window") };
    case "image-complete": {
      const atNs = from.integer("its time");
      const verifyNs = from.count("the time of comparing");
      return { kind, atNs, verifyNs, checkedPages: from.count("the pages checked") };
    }
    case "running":
    case "announced":
    case "all-received":
    case "ping":
      return { kind, atNs: from.integer("its time") };
    case "refused-to-run":
      return { kind, epoch: from.u32("its epoch"), reason: readReason(from) };
    case "fault":
      return { kind, page: from.u32("its page") };
    case "answers":
      return { kind, wanted: from.rest() };
    case "taken":
      return { kind, pages: from.count("the pages"), bytes: from.count("the bytes") };
    case "standing":
      return readStanding(from);
    case "pong": {
      const atNs = from.integer("the time of the ping");
      return { kind, atNs, receivedNs: from.integer("its own time") };
    }
    default:
      return unreachable(kind);
  }
}

function writePages(message: PagesMessage, to: ByteWriter): readonly Uint8Array[] {
  const { region, pages, checks, frame, packets } = message;
  assert(pages.length <= FRAME_PAGES_MAX, `at most ${FRAME_PAGES_MAX} pages a frame`);
  assert(checks.length === pages.length, "one check a page");
  assert(packets.length <= FRAME_PACKETS_MAX, `at most ${FRAME_PACKETS_MAX} packets a frame`);
  to.u16(regionNumber(region));
  to.u32(pages.length);
  to.u32(packets.length);
  to.u32(frame.length);
  to.u32s(pages);
  to.u64s(checks);
  for (const { channel, bytes } of packets) {
    to.u8(channel);
    to.u32(bytes.length);
  }
  return [frame, ...packets.map(({ bytes }) => bytes)];
}

function readPages(from: ByteReader, urgent: boolean): PagesMessage {
  const region = readRegion(from);
  const count = from.u32("how many pages");
  if (count > FRAME_PAGES_MAX) throw from.wrong(`${count} pages, at most ${FRAME_PAGES_MAX}`);
  const packetCount = from.u32("how many packets");
  if (packetCount > FRAME_PACKETS_MAX) {
    throw from.wrong(`${packetCount} packets, at most ${FRAME_PACKETS_MAX}`);
  }
  const frameBytes = from.u32("the frame's length");
  const pages = from.u32s(count, "the pages' numbers");
  const checks = from.u64s(count, "the pages' checks");
  const heads: [channel: number, length: number][] = [];
  for (let k = 0; k < packetCount; k++) {
    heads.push([from.u8("a packet's channel"), from.u32("a packet's length")]);
  }
  const frame = from.take(frameBytes, "the codecs' frame");
  const packets = heads.map(([channel, length]) => {
    return { channel, bytes: from.take(length, "a packet") };
  });
  return { kind: "pages", region, urgent, pages, checks, frame, packets };
}

function readPrepare(from: ByteReader): Message {
  const postCopy = from.flag("post-copy");
  const hasState = from.flag("whether a device state follows");
  const guest = readDescription(from);
  const codecs = from.text(TEXT_BYTES_MAX, "the list of codecs");
  const prepare = { kind: "prepare", guest, postCopy, codecs } as const;
  return hasState ? { ...prepare, deviceState: from.rest() } : prepare;
}

function readStanding(from: ByteReader): Message {
  const epoch = from.u32("its epoch");
  const number = from.u8("its stage");
  const stage = STAGES[number];
  if (stage === undefined) throw from.wrong(`there is no stage ${number}`);
  return { kind: "standing", epoch, stage, absent: readRuns(from) };
}

function readReason(from: ByteReader): string {
  return from.text(REASON_BYTES_MAX, "the reason");
}

/** 0 is RAM, n + 1 is disk n. */
function regionNumber(region: Region): number {
  const number = region === "ram" ? 0 : Number(region.slice("disk:".length)) + 1;
  assert(Number.isInteger(number) && number >= 0 && number < 2 ** 16, `${region} is a region`);
  return number;
}

function readRegion(from: ByteReader): Region {
  const number = from.u16("its region");
  return number === 0 ? "ram" : `disk:${number - 1}`;
}

function writeRuns(runs: Uint32Array, to: ByteWriter): void {
  assert(runs.length % 2 === 0, "start and length in turn");
  to.u32(runs.length / 2);
  to.u32s(runs);
}

function readRuns(from: ByteReader): Uint32Array {
  const runs = from.u32s(2 * from.u32("how many runs"), "the runs");
  let free = 0;
  for (let i = 0; i < runs.length; i += 2) {
    const start = runs[i] as number;
    const length = runs[i + 1] as number;
    if (start < free || length === 0 || start + length > 2 ** 32) {
      throw from.wrong(`run ${i / 2} is of ${length} pages from ${start} on, behind ${free}`);
    }
    free = start + length + 1;
  }
  return runs;
}

const TEXTS = ["name", "kind", "version", "devices"] as const;
const COUNTS = ["pages", "pageSizeBytes", "vcpus", "deviceStateBytes"] as const;

/** JSON, since it is sent once and read by people who watch the wire. */
function describe(guest: MachineDescription): string {
  const { name, kind, version, devices, pages, pageSizeBytes, vcpus, deviceStateBytes } = guest;
  const fields = { name, kind, version, devices, pages, pageSizeBytes, vcpus, deviceStateBytes };
  return JSON.stringify(fields);
}

function readDescription(from: ByteReader): MachineDescription {
  const text = from.text(TEXT_BYTES_MAX, "the description");
  let fields: unknown;
  try {
    fields = JSON.parse(text);
  } catch {
    throw from.wrong("the description is not JSON");
  }
  const values = (typeof fields === "object" ? fields : null) as Record<string, unknown> | null;
  const found: Record<string, unknown> = {};
  for (const key of TEXTS) {
    found[key] = values?.[key];
    if (typeof found[key] !== "string") throw from.wrong(`the description's ${key} is no text`);
  }
  for (const key of COUNTS) {
    const value = values?.[key];
    found[key] = value;
    if (!Number.isSafeInteger(value) || (value as number) < 0) {
      throw from.wrong(`the description's ${key} is no count`);
    }
  }
  return found as unknown as MachineDescription;
}

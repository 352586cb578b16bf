/** Files that are cut, damaged or made to harm: each is refused, with its name and the place. */
import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { crc32 } from "../../src/guest/importers/crc32.js";
import { readTrace } from "../../src/guest/trace-read.js";
import { example } from "./trace-fixtures.js";

const text = (chars: string) => Array.from(chars, (char) => char.charCodeAt(0));
const u32 = (value: number) => [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);
const u64 = (value: bigint) => [...u32(Number(value & 0xffff_ffffn)), ...u32(Number(value >> 32n))];

interface Wsdt1Interval {
  t?: bigint;
  dirty?: number;
  payload?: number[];
  payloadBytes?: number;
}
const wsdt1Interval = ({ t = 100_000_000n, dirty = 2, payload, payloadBytes }: Wsdt1Interval) => {
  const runs = payload ?? [3, 2, 11];
  return [
    ...u64(t),
    ...u32(1),
    ...u32(dirty),
    ...u32(0),
    ...u32(payloadBytes ?? runs.length),
    ...runs,
  ];
};
const wsdt1 = (...intervals: Wsdt1Interval[]) => [
  ...[...text("WSDT1\0\0\0"), ...u32(4096), ...u32(16), ...u32(50_000), ...u32(0)],
  ...intervals.flatMap(wsdt1Interval),
];

interface Wsdt2Interval {
  t?: bigint;
  instructions?: bigint;
  read?: number;
  written?: number;
  runsR?: number[];
  runsW?: number[];
}
const wsdt2Interval = (i: Wsdt2Interval) => {
  const { t = 10n, instructions = 10n, read = 1, written = 2 } = i;
  const { runsR = [0, 1, 15], runsW = [3, 2, 11] } = i;
  return [
    ...[...u64(t), ...u64(instructions), ...u32(read), ...u32(written)],
    ...[...u32(runsR.length), ...runsR, ...u32(runsW.length), ...runsW],
  ];
};
const wsdt2 = (flags: number, ...intervals: Wsdt2Interval[]) => [
  ...[...text("WSDT2\0\0\0"), ...u32(4096), ...u32(16), ...u32(20_000), ...u32(flags)],
  ...intervals.flatMap(wsdt2Interval),
];

interface Native {
  version?: number;
  flags?: number;
  pages?: number;
  json?: string;
  jsonBytes?: number;
  record?: number[];
  recordBytes?: number;
  intervals?: number;
  crc?: number;
}
const native = (n: Native) => {
  const json = text(n.json ?? "{}");
  const record = n.record ?? [10, 1, 3, 2];
  const bytes = [
    ...[...text("PCT1"), n.version ?? 1, n.flags ?? 0, 0, 0],
    ...[...u32(4096), ...u32(n.pages ?? 16), ...u32(n.jsonBytes ?? json.length), ...json],
    ...[...u32(n.recordBytes ?? record.length), ...record, ...u32(0), ...u32(n.intervals ?? 1)],
  ];
  return [...bytes, ...u32(n.crc ?? crc32(Uint8Array.from(bytes)))];
};

const header = (magic: string, pageSize: number, pages: number) => [
  ...[...text(magic), 0, 0, 0, ...u32(pageSize), ...u32(pages), ...u32(1), ...u32(0)],
];

/** What it is, its bytes, what the refusal says, the byte it points at. */
type Case = [string, number[], RegExp, number?];

const CASES: Case[] = [
  ["an empty file", [], /is empty/],
  ["an empty gzip", [...gzipSync("")], /gzip file of nothing/],
  ["one byte", [0x57], /no trace known/],
  ["an unknown magic", text("WSDT3\0\0\0"), /begins with 57 53 44 54 33 00 00 00/],
  ["a cut gzip", [...gzipSync(Uint8Array.from(wsdt1({}))).subarray(0, 40)], /gzip data is damaged/],
  [
    "gzip with a tail",
    [...gzipSync(Uint8Array.from(wsdt1({}))), 1, 2, 3, 4],
    /gzip data is damaged/,
  ],
  ["gzip in gzip", [...gzipSync(gzipSync("x"))], /begins with 1f 8b/],

  ["WSDT1 cut in its header", wsdt1().slice(0, 20), /20 bytes into the WSDT1 header/, 0],
  ["WSDT1 without an interval", wsdt1(), /no interval/],
  ["WSDT1 cut in a head", wsdt1({}).slice(0, 40), /16 bytes into the WSDT1 interval 0/, 24],
  ["WSDT1 cut in a payload", wsdt1({}).slice(0, -1), /WSDT1 interval 0/, 24],
  ["WSDT1 with a tail", [...wsdt1({}), 0], /1 bytes into the WSDT1 interval 1/, 51],
  ["WSDT1 of 2^32 - 1 pages", header("WSDT1", 4096, 0xffff_ffff), /claims 4294967295 pages/],
  ["WSDT1 of no pages", header("WSDT1", 4096, 0), /claims 0 pages/],
  ["WSDT1 with pages of 4095 bytes", header("WSDT1", 4095, 16), /page size 4095/],
  [
    "WSDT1 damaged in its magic",
    text("WSDT1xxx").concat(u32(1), u32(1), u32(1), u32(1)),
    /three zero/,
  ],
  ["runs that fall short", wsdt1({ payload: [3, 2, 10] }), /add up to 15 pages/, 48],
  ["runs that go beyond", wsdt1({ payload: [3, 2, 12] }), /reach page 17; the memory has 16/, 50],
  ["a huge run", wsdt1({ payload: [0xff, 0xff, 0xff, 0xff, 0x7f] }), /reach page 34359738367/, 48],
  ["a run of six bytes", wsdt1({ payload: [128, 128, 128, 128, 128, 0, 16] }), /over 5 bytes/, 48],
  ["a cut run", wsdt1({ payload: [3, 2, 0x8b] }), /run length is cut off/, 50],
  ["a wrong count", wsdt1({ dirty: 3 }), /hold 2 pages; the interval says 3/, 48],
  [
    "a huge payload",
    wsdt1({ payloadBytes: 0xffff_fff0 }),
    /claims 4294967280 bytes; at most 48/,
    44,
  ],
  ["time going back", wsdt1({}, { t: 99_999_999n }), /ends at 49999999 ns/, 51],
  ["time standing still", wsdt1({}, {}), /must be after 50000000 ns/, 51],

  ["WSDT2 cut in its header", wsdt2(3).slice(0, 23), /WSDT2 header/, 0],
  ["WSDT2 cut between payloads", wsdt2(3, {}).slice(0, 57), /WSDT2 interval 0/, 24],
  ["WSDT2 with a tail", [...wsdt2(3, {}), 9, 9], /2 bytes into the WSDT2 interval 1/, 62],
  ["WSDT2 of 2^24 + 1 pages", header("WSDT2", 4096, 2 ** 24 + 1), /claims 16777217 pages/],
  ["WSDT2 with unknown flags", wsdt2(4), /flags 4 are not known/, 20],
  ["a wrong number of pages read", wsdt2(3, { read: 2 }), /hold 1 pages.*says 2/, 52],
  ["a wrong number of pages written", wsdt2(3, { written: 9 }), /hold 2 pages.*says 9/, 59],
  ["reads where the flags say none", wsdt2(0, {}), /flags say no reads/, 52],
  ["WSDT2 time going back", wsdt2(3, {}, { t: 9n }), /ends at 9 ns/, 62],
  ["WSDT2 time beyond 2^53", wsdt2(3, { t: 2n ** 63n }), /ends at 9223372036854775808 ns/, 24],
  ["instructions going back", wsdt2(3, {}, { t: 11n, instructions: 9n }), /counts 9 instr/, 70],
  ["no instructions at all", wsdt2(3, { instructions: 0n }), /counts no instructions/],

  ["PCT1 cut in its header", native({}).slice(0, 19), /ends in the header/, 0],
  ["PCT1 of another version", native({ version: 2 }), /version 2 is not known/, 4],
  ["PCT1 with unknown flags", native({ flags: 8 }), /unknown flags/, 5],
  ["PCT1 of 2^32 - 1 pages", native({ pages: 0xffff_ffff }), /claims 4294967295 pages/],
  ["a huge description", native({ jsonBytes: 65_537 }), /description claims 65537 bytes/, 16],
  ["a description that is not JSON", native({ json: "{" }), /not JSON/, 20],
  ["a description that is a list", native({ json: "[]" }), /not a JSON object/, 20],
  ["PCT1 cut before its end", native({}).slice(0, -12), /ends in the interval 1/],
  ["PCT1 cut by a byte", native({}).slice(0, -1), /it was cut off/],
  ["PCT1 with a tail", [...native({}), 0], /bytes follow the end/],
  ["PCT1 with a wrong checksum", native({ crc: 7 }), /checksum does not fit/],
  ["PCT1 with a wrong count", native({ intervals: 2 }), /counts 2 intervals; the file has 1/],
  ["a huge record", native({ recordBytes: 0xffff }), /claims 65535 bytes; at most 128/, 22],
  ["a record with a tail", native({ record: [10, 1, 3, 2, 0] }), /bytes follow the interval's/, 30],
  ["a record that ends early", native({ record: [10, 1, 3] }), /cut off by the interval's end/],
  ["an interval of 0 ns", native({ record: [0, 1, 3, 2] }), /ends at 0 ns/],
  ["an empty run", native({ record: [10, 1, 3, 0] }), /run or gap is empty/, 28],
  ["an empty gap", native({ record: [10, 2, 3, 1, 0, 1] }), /run or gap is empty/, 30],
  ["a run beyond the memory", native({ record: [10, 1, 15, 2] }), /reach page 16; the memory/, 28],
  ["a number over 2^53", native({ record: Array(9).fill(0xff) }), /over 2\^53/, 26],
];

describe("hostile files", () => {
  it.each(CASES)("%s", async (_, bytes, message, offsetBytes) => {
    const chunks = [1, Math.max(1, bytes.length)];
    for (const size of chunks) {
      async function* stream() {
        for (let at = 0; at < bytes.length; at += size) {
          yield Uint8Array.from(bytes.slice(at, at + size));
        }
      }
      const error = await readTrace(stream(), { name: "file" }).then(
        () => undefined,
        (reason) => reason,
      );
      expect(error).toMatchObject({ code: "bad-trace", place: { file: "file" } });
      expect(error.message).toMatch(message);
      expect(error.message).toMatch(/^file[:,]/);
      if (offsetBytes !== undefined) expect(error.place.offsetBytes).toBe(offsetBytes);
    }
  });

  it("the same builders, unharmed, make files that are read", async () => {
    for (const bytes of [wsdt1({}), wsdt2(3, {}), native({})]) {
      const { trace } = await readTrace(Uint8Array.from(bytes), { name: "file" });
      expect([...trace.written(0)]).toEqual([3, 4]);
    }
  });

  it("every cut of a real recording is refused, or is a whole number of intervals", async () => {
    const whole = new Uint8Array(gunzipSync(example("lin-idle-pre-100.wsdt.gz"))).subarray(0, 600);
    let readable = 0;
    for (let length = 0; length <= whole.length; length++) {
      try {
        await readTrace(whole.slice(0, length), { name: "cut" });
        readable++;
      } catch (error) {
        expect(error).toMatchObject({ code: "bad-trace" });
      }
    }
    // Intervals end at the bytes that its heads give; WSDT1 has no end mark.
    let ends = 0;
    for (let at = 24; at + 24 <= whole.length; ) {
      at += 24 + new DataView(whole.buffer, whole.byteOffset).getUint32(at + 20, true);
      if (at <= whole.length) ends++;
    }
    expect(readable).toBe(ends);
  });
});

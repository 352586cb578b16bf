/** What a recorded run has to tell, what it may leave out, and what is named when it is wrong. */
import { describe, expect, it } from "vitest";
import { describedGuest } from "../../src/forecast/qemu-guest.js";
import { parseQemuRun } from "../../src/forecast/qemu-run.js";
import { qemuVerdict } from "../../src/forecast/qemu-validation.js";

type Fields = Record<string, unknown>;

/** 128 MB, 4,000 pages written 2,000 times a second, over a link of 50 MB/s. */
function run(change: Fields = {}, workload: Fields = {}): Fields {
  return {
    id: "made-up",
    strategy: "precopy",
    outcome: "completed",
    guest: {
      kind: "baremetal",
      mem_mb: 128,
      workload: { base_mb: 16, region_pages: 24_576, wss: 4000, rate: 2000, ...workload },
    },
    net: { kind: "link", bytes_per_s: 50_000_000 },
    params: { "max-bandwidth": 4_000_000_000, "downtime-limit": 200 },
    caps: {},
    timeout_s: 30,
    reported: {
      total_time_ms: 2200,
      downtime_ms: 150,
      ram: { transferred: 110_000_000, "dirty-sync-count": 4 },
    },
    measured: { guest_s_at_start: 1.5 },
    ...change,
  };
}

function forecastOf(line: Fields) {
  const parsed = parseQemuRun(line);
  const guest = describedGuest(parsed.known);
  return qemuVerdict({ run: parsed, guest, rate: "nominal", circumstances: 0 });
}

const caps = (...names: string[]) => Object.fromEntries(names.map((name) => [name, true]));

describe("fields of a recorded run", () => {
  const optional = ["params", "caps", "postcopy_after", "timeout_s", "strategy", "measured"];
  it.each([...optional, "series", "windows", "syncs", "host", "events", "trace_file"])(
    "%s may be null or missing",
    (name) => {
      const { [name]: _, ...without } = run();
      for (const line of [without, run({ [name]: null })]) {
        const { forecast } = forecastOf(line);
        expect(forecast.completed).toBe(true);
        // 98 MB of contents at 50 MB/s, and some of them again.
        expect(forecast.totalMs).toBeGreaterThan(2000);
        expect(forecast.totalMs).toBeLessThan(2700);
      }
    },
  );

  it.each<[string, Fields]>([
    ["id is missing", { id: null }],
    ["guest is missing", { guest: null }],
    ["guest.mem_mb is 0", { guest: { mem_mb: 0, workload: {} } }],
    ["guest.workload is missing", { guest: { mem_mb: 128 } }],
    ['net.kind is "carrier pigeon"', { net: { kind: "carrier pigeon", bytes_per_s: 1e6 } }],
    ["net.bytes_per_s is missing", { net: { kind: "link" } }],
    ["params.downtime-limit is -1", { params: { "downtime-limit": -1 } }],
    ['params.multifd-compression is "brotli"', { params: { "multifd-compression": "brotli" } }],
    ["params.max-cpu-throttle is 100", { params: { "max-cpu-throttle": 100 } }],
    ['caps.xbzrle is "on"', { caps: { xbzrle: "on" } }],
    ["timeout_s is -1", { timeout_s: -1 }],
    ["reported is missing", { reported: null }],
    ["reported.ram.transferred is missing", { reported: { total_time_ms: 1, ram: {} } }],
    ["series.rows is 7", { series: { fields: [], rows: 7 } }],
    ["syncs is {}", { syncs: {} }],
  ])("names what is wrong: %s", (words, change) => {
    expect(() => parseQemuRun(run(change))).toThrow(`the field ${words}`);
  });

  it.each<[string, Fields]>([
    ["region_pages is 30000", { region_pages: 30_000 }],
    ["wss is 24577", { wss: 24_577 }],
    ["wss is 0", { wss: 0 }],
    ["rate is -5", { rate: -5 }],
    ['dist is "gauss"', { dist: "gauss" }],
    ['content is "noise"', { content: "noise" }],
    ['fill is "rubbish"', { fill: "rubbish" }],
    ["hotp is 101", { hotp: 101 }],
  ])("names what is wrong with a workload: %s", (words, workload) => {
    expect(() => parseQemuRun(run({}, workload))).toThrow(`the field guest.workload.${words}`);
  });

  it("takes what the program takes where a workload leaves something out", () => {
    const bare = { mem_mb: 128, workload: { wss: null, rate: 100 } };
    const { dirtier } = parseQemuRun(run({ guest: bare })).known;
    expect(dirtier).toMatchObject({ region_pages: 16_384, wss: 16_384, fill: "rand", dn: 1 });
    expect(dirtier).toMatchObject({ dist: "uniform", content: "inc", hotp: 90, hotn: 1638 });
  });

  it.each(["failed", "cancelled", null])("has nothing to compare with: %s", (outcome) => {
    expect(() => parseQemuRun(run({ outcome }))).toThrow("nothing to compare with");
  });
});

describe("every kind of workload", () => {
  const kinds = ["uniform", "seq", "zipf", "hot"].flatMap((dist) =>
    ["inc", "rand", "zero", "delta"].flatMap((content) =>
      ["rand", "zero", "text"].map((fill) => ({ dist, content, fill })),
    ),
  );
  it.each(kinds)("$dist, $content, $fill is forecast under each capability", (kind) => {
    for (const name of ["none", "xbzrle", "multifd", "compress", "postcopy-ram"]) {
      const after = { postcopy_after: { pass: 2, ms: null } };
      const { forecast } = forecastOf(run({ caps: caps(name), ...after }, { ...kind, dn: 40 }));
      expect(forecast.completed).toBe(true);
      expect(forecast.bytes).toBeLessThan(130e6);
      expect(forecast.downtimeMs).toBeGreaterThan(0);
    }
  });

  it.each([1, 2, 63, 64, 65, 24_576])("a working set of %i pages", (wss) => {
    for (const dist of ["uniform", "seq", "zipf", "hot"]) {
      const { forecast } = forecastOf(run({}, { wss, dist, rate: 900 }));
      expect(forecast.completed).toBe(true);
      expect(forecast.bytes).toBeGreaterThan(24_576 * 4096);
    }
  });

  it.each([64, 512, 4096])("a guest of %i MB", (mb) => {
    const workload = { region_pages: (mb - 32) * 256, wss: 4000, rate: 2000 };
    const { forecast } = forecastOf(
      run({ guest: { mem_mb: mb, vcpus: 4, workload }, timeout_s: 200 }),
    );
    // Its region at 50 MB/s, and at most a fifth of a second's worth again.
    const leastMs = (workload.region_pages * 4104) / 50_000;
    expect(forecast.totalMs).toBeGreaterThan(leastMs);
    expect(forecast.totalMs).toBeLessThan(leastMs * 1.05 + 900);
  });
});

describe("settings", () => {
  /** Writes 1.5 times what the link carries, and forgives what it is late with. */
  const open = { wss: 20_000, rate: 18_275, catchup: 0 };
  const throttled = (params: Fields) =>
    forecastOf(run({ caps: caps("auto-converge"), params: { ...params }, timeout_s: 60 }, open))
      .forecast;

  it("of auto-converge are honoured", () => {
    const usual = throttled({});
    expect(throttled({ "cpu-throttle-initial": 60 }).totalMs).toBeLessThan(usual.totalMs - 500);
    expect(throttled({ "throttle-trigger-threshold": 100 }).totalMs).toBeGreaterThan(usual.totalMs);
    expect(throttled({ "max-cpu-throttle": 20 }).completed).toBe(false);
  });

  it("of post-copy limit its own phase alone", () => {
    const after = { caps: caps("postcopy-ram"), postcopy_after: { pass: 2 } };
    const at = (limit: number) =>
      forecastOf(run({ ...after, params: { "max-postcopy-bandwidth": limit } }, { rate: 6000 }))
        .forecast;
    // Some 3,000 pages are left: a quarter of a second at 50 MB/s, five times that at 10.
    expect(at(10_000_000).totalMs - at(0).totalMs).toBeGreaterThan(500);
    expect(at(10_000_000).downtimeMs).toBeCloseTo(at(0).downtimeMs, 6);
  });

  it("of the cache decide what XBZRLE finds", () => {
    const bytes = (size: number) =>
      forecastOf(run({ caps: caps("xbzrle"), params: { "xbzrle-cache-size": size } }, open))
        .forecast.bytes;
    expect(bytes(2 ** 27)).toBeLessThan(bytes(2 ** 24));
    expect(bytes(2 ** 24)).toBeLessThan(bytes(2 ** 16));
  });

  it("of the return path make the source wait for the target", () => {
    const without = forecastOf(run()).forecast;
    const waits = forecastOf(run({ caps: caps("return-path") })).forecast;
    expect(waits.downtimeMs).toBeGreaterThan(without.downtimeMs);
  });

  it("name the group, combined ones too", () => {
    const group = (...names: string[]) => forecastOf(run({ caps: caps(...names) })).group;
    expect(group("xbzrle", "auto-converge")).toBe("XBZRLE + auto-converge");
    expect(group("multifd", "auto-converge")).toBe("multifd + auto-converge");
    expect(group("postcopy-ram", "return-path")).toBe("pre-copy, link");
  });
});

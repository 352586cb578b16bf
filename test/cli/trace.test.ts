import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { traceCommand } from "../../src/cli/commands/trace.js";
import { loadTraceFile, saveTraceFile } from "../../src/cli/trace-files.js";
import { intervalsOf, plain, traceOf } from "../guest/trace-fixtures.js";

const EXAMPLES = new URL("../../examples/traces/", import.meta.url).pathname;
let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "precopy-trace-"));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

/** Runs `precopy trace …` in this process; what it printed. */
async function run(...args: string[]): Promise<{ out: string; err: string }> {
  const printed = { out: "", err: "" };
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    printed.out += text;
    return true;
  });
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    printed.err += text;
    return true;
  });
  await traceCommand().parseAsync(args, { from: "user" });
  return printed;
}

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const CSV = "epoch,page,reads,writes\n0,a,0,1\n1,b,1,0\n2,a,0,2\n";

describe("precopy trace info", () => {
  it("shows a recording at a glance", async () => {
    const { out } = await run("info", join(EXAMPLES, "gzip.wsdt2.gz"), "--clock", "time");
    expect(out).toContain("gzip.wsdt2.gz  (wsdt2)");
    expect(out).toContain("65,536 pages (256 MiB) of 4 KiB");
    expect(out).toMatch(/time +40 s in 2,000 intervals of 20 ms/);
    expect(out).toMatch(/written +1,599 +83\.4 +279 /);
    expect(out).toMatch(/read +4,989 +268\.1 +1,011 /);
    expect(out).toMatch(/touched +4,994 pages/);
    expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
  });

  it("prints the same as JSON", async () => {
    const { out } = await run("info", join(EXAMPLES, "lin-dirty-pre.wsdt.gz"), "--json");
    expect(JSON.parse(out)).toMatchObject({
      format: "wsdt1",
      source: "lin-dirty-pre.wsdt.gz",
      pages: 65_536,
      hasReads: false,
      clock: "time",
      intervals: 312,
      skippedLines: 0,
      written: { entries: 210_039, maxPagesPerInterval: 65_536 },
    });
  });

  it("takes the options of each importer", async () => {
    const lackey = file("a.txt", " L 1000,4\nI  2000,4\n S 1ffe,4\nbad\n");
    const flags = ["--epoch-accesses", "2", "--access-rate", "1k", "--code", "--skip-bad-lines"];
    const { out } = await run("info", lackey, ...flags, "--json");
    expect(JSON.parse(out)).toMatchObject({ pages: 2, durationNs: 3e6, skippedLines: 1 });
    const csv = file("a.csv", CSV);
    const kept = ["--epoch-duration", "20ms", "--keep-addresses", "--input-pages", "64"];
    const info = await run("info", csv, ...kept, "--page-size", "2MiB", "--json");
    expect(JSON.parse(info.out)).toMatchObject({
      pages: 64,
      durationNs: 6e7,
      pageSizeBytes: 2 ** 21,
    });
  });
});

describe("precopy trace cut, tile and convert", () => {
  it("cuts", async () => {
    const output = join(folder, "cut.pct.gz");
    const source = join(EXAMPLES, "zipf.wsdt2.gz");
    await run("cut", source, "--clock", "time", "--from", "2s", "--to", "10s", "-o", output);
    const { trace, format } = await loadTraceFile(output);
    expect(format).toBe("native");
    // 400 intervals of 20 ms, all ending 0.2 ms late, so that the last ends after 10 s.
    expect(trace.intervals).toBe(399);
    expect(trace.source).toBe("zipf.wsdt2.gz, 2 s to 9.98 s");
    expect(readFileSync(output).subarray(0, 2)).toEqual(Buffer.of(0x1f, 0x8b));
  });

  it("tiles, to pages or to a size", async () => {
    const source = file("a.csv", CSV);
    const output = join(folder, "b.pct");
    const { out } = await run("tile", source, "--memory", "32KiB", "--shift", "1ms", "-o", output);
    expect(out).toContain(`${output}: native, 3 intervals, 3 ms of 32 KiB`);
    const { trace } = await loadTraceFile(output);
    expect(intervalsOf(trace).map(({ written }) => written)).toEqual([
      [0, 2, 6],
      [2, 4],
      [0, 4, 6],
    ]);
    await run("tile", source, "--pages", "5", "--copies", "2", "--seed", "3", "-o", output);
    expect((await loadTraceFile(output)).trace.pages).toBe(5);
    await expect(run("tile", source, "-o", output)).rejects.toThrow(/--pages N or --memory SIZE/);
  });

  it("converts by the ending of the output, or as told", async () => {
    const source = join(EXAMPLES, "idle.wsdt2.gz");
    const csv = join(folder, "out.csv");
    const { err } = await run("convert", source, "-o", csv);
    expect(readFileSync(csv, "utf8").startsWith("epoch,page,reads,writes\n0,")).toBe(true);
    expect(err).toContain("csv cannot hold: interval times");
    const wsdt = join(folder, "out.wsdt.gz");
    expect((await run("convert", source, "-o", wsdt)).err).toContain("wsdt1 cannot hold: reads");
    expect(gunzipSync(readFileSync(wsdt)).toString("latin1", 0, 5)).toBe("WSDT1");
    const packed = join(folder, "out.bin");
    await run("convert", source, "--format", "native", "--gzip", "-o", packed);
    const { trace } = await loadTraceFile(packed);
    expect(plain(trace)).toEqual(plain((await loadTraceFile(source)).trace));
  });

  it("leaves what was there, and nothing else, when it fails", async () => {
    const listeners = process.listenerCount("SIGINT");
    const output = file("out.pct", "precious");
    const bad = file("bad.csv", `${CSV}oops\n`);
    await expect(run("convert", bad, "-o", output)).rejects.toThrow(/bad\.csv:5: the line is not/);
    const trace = traceOf({}, [{ endNs: 2 ** 50, written: [1] }]);
    await expect(saveTraceFile(output, trace, { format: "wsdt1" })).rejects.toThrow(
      /WSDT1 can say/,
    );
    expect(readFileSync(output, "utf8")).toBe("precious");
    expect(readdirSync(folder).sort()).toEqual(["bad.csv", "out.pct"]);
    expect(process.listenerCount("SIGINT")).toBe(listeners);
  });

  it("removes the unfinished file when it is stopped", async () => {
    const output = join(folder, "out.pct");
    const kill = vi.spyOn(process, "kill").mockImplementation(() => true);
    const before = process.listenerCount("SIGINT");
    const { trace } = await loadTraceFile(join(EXAMPLES, "idle.wsdt2.gz"));
    const seen: string[][] = [];
    // The signal comes while interval 5 is encoded.
    const stopped = Object.create(trace, {
      written: {
        value: (i: number) => {
          if (i === 5 && seen.length === 0) {
            seen.push(readdirSync(folder));
            process.emit("SIGINT", "SIGINT");
            seen.push(readdirSync(folder));
          }
          return trace.written(i);
        },
      },
    });
    const saving = saveTraceFile(output, stopped).catch((error) => error);
    expect((await saving).message).toMatch(/cannot be written/);
    expect(seen).toEqual([[expect.stringMatching(/^out\.pct\.\d+\.unfinished$/)], []]);
    expect(kill).toHaveBeenCalledWith(process.pid, "SIGINT");
    expect(readdirSync(folder)).toEqual([]);
    expect(process.listenerCount("SIGINT")).toBe(before);
  });

  it("says in words what is wrong with a path or a flag", async () => {
    const source = file("a.csv", CSV);
    const cases: [string[], RegExp][] = [
      [["info", join(folder, "none")], /none: cannot be read: there is no such file/],
      [["info", folder], /cannot be read: it is a folder/],
      [["convert", source, "-o", join(folder, "no", "out")], /cannot be written: there is no such/],
      [["convert", source, "--format", "zip", "-o", "x"], /--format is "zip"; it is one of native/],
      [["info", source, "--clock", "sun"], /--clock is "sun"/],
      [["info", source, "--input-format", "elf"], /--input-format is "elf"/],
      [["info", source, "--epoch-accesses", "1.5"], /whole number/],
      [["info", source, "--instruction-rate", "-3"], /--instruction-rate is "-3"/],
      [["info", source, "--epoch-duration", "20"], /"20" is not a duration/],
      [["tile", source, "--pages", "9", "--seed", "x", "-o", "x"], /--seed is "x"/],
      [["cut", source, "--from", "9s", "-o", "x"], /no interval lies between 9 s and 3 ms/],
    ];
    for (const [args, message] of cases) {
      await expect(run(...args)).rejects.toThrow(message);
      await expect(run(...args)).rejects.toMatchObject({ name: "PrecopyError" });
    }
  });
});

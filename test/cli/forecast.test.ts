import { afterAll, describe, expect, it } from "vitest";
import { precopy, temporaryFolder } from "./run-cli.js";

const folder = temporaryFolder();
afterAll(() => folder.remove());

const QUIET = ["--memory", "1GiB", "--rate", "1s=10MiB/s,8s=4MiB/s", "--throughput", "100MB/s"];

describe("precopy forecast", () => {
  it("answers from rates on the command line", async () => {
    const { code, out } = await precopy(["forecast", ...QUIET]);
    expect(code).toBe(0);
    expect(out).toMatch(/^converges +yes$/m);
    expect(out).toMatch(/^ends by +the rest fits under the threshold \(threshold\)$/m);
    expect(out).toMatch(/^writes +10 MiB in 1 s, 32 MiB in 8 s/m);
    // 1 GiB and what is written in its 10.8 s, at 100 MB/s.
    expect(out).toMatch(/^ +total time +1[01]\.\d s /m);
  });

  it("gives JSON in integer nanoseconds, null for what never comes", async () => {
    const busy = ["--memory", "1GiB", "--rate", "1s=900MiB/s", "--throughput", "100MB/s"];
    const { out, code } = await precopy(["forecast", ...busy, "--json"]);
    expect(code).toBe(0);
    const { schemaVersion, forecasts } = JSON.parse(out);
    expect(schemaVersion).toBe(1);
    expect(forecasts).toHaveLength(1);
    expect(forecasts[0]).toMatchObject({
      converges: "no",
      rule: "timeout",
      totalNs: { p10: null, median: null, p90: null },
      dirtied: [{ windowNs: 1e9, pages: 230_400 }],
    });
  });

  it("tells what limits it, the link or QEMU", async () => {
    const fast = ["--memory", "1GiB", "--rate", "1s=10MiB/s", "--link", "10Gbit/s"];
    const { out } = await precopy(["forecast", ...fast]);
    expect(out).toMatch(/1\.07 Gbit\/s at most: QEMU's max-bandwidth/);
    const { out: free } = await precopy(["forecast", ...fast, "-s", "pre-copy+nova"]);
    expect(free).not.toMatch(/max-bandwidth/);
  });

  it("reads what tools print, a trace, or a scenario", async () => {
    const domstats = "test/fixtures/rates/domstats-two-windows.txt";
    const from = ["--memory", "4GiB", "--link", "10Gbit/s", "--from", domstats];
    const rates = await precopy(["forecast", ...from]);
    expect(rates.code).toBe(0);
    expect(rates.out).toMatch(/^writes +254 MiB in 1 s, 610 MiB in 10 s/m);
    const trace = "examples/traces/gzip.wsdt2.gz";
    const clock = ["--clock", "time", "--throughput", "50MB/s"];
    const traced = await precopy(["forecast", "--from", trace, ...clock]);
    expect(traced.out).toMatch(/^gzip\.wsdt2\.gz {3}256 MiB/);
    const scenario = await precopy(["forecast", "examples/idle-server.yaml"]);
    expect(scenario.out).toMatch(/^idle {3}256 MiB .*pre-copy@xen$/m);
  });

  it("exits with 3 where a stated limit may be missed", async () => {
    const limits = await precopy(["forecast", ...QUIET, "--max-total", "1s"]);
    expect(limits.code).toBe(3);
    expect(limits.err).toMatch(/total time may be 1\d\.?\d* s, the limit is 1 s/);
    const held = await precopy(["forecast", ...QUIET, "--max-total", "60s"]);
    expect(held.code).toBe(0);
  });

  it.each([
    [["--memory", "1GiB", "--link", "1Gbit/s"], /what does the guest write/],
    [["--rate", "1s=1MiB/s", "--link", "1Gbit/s"], /--memory 8GiB/],
    [["--rate", "1s=1MiB/s", "--memory", "1GiB"], /--link 10Gbit\/s/],
    [["--rate", "fast", "--memory", "1GiB", "--link", "1Gbit/s"], /--rate/],
    [[...QUIET, "--used", "2GiB"], /--used is 2147483648 bytes of 1073741824/],
    [[...QUIET, "--content", "nothing"], /no content is named "nothing"/],
    [[...QUIET, "-s", "pre-copy+wsclock"], /predictor wsclock/],
    [[...QUIET, "--throughput", "0MB/s"], /linkBytesPerSec is 0/],
    [
      ["--from", "test/fixtures/logs/xl-x05.log", "--link", "1Gbit/s"],
      /no line tells a dirty rate/,
    ],
    [["--from", "nowhere.txt", "--link", "1Gbit/s"], /nowhere\.txt.*no such file/],
    [["examples/idle-server.yaml", "--guest", "other"], /no guest "other" moves: idle/],
  ])("refuses %j", async (words, problem) => {
    const { code, err, out } = await precopy(["forecast", ...words]);
    expect(code).toBe(2);
    expect(err).toMatch(problem);
    expect(out).toBe("");
  });
});

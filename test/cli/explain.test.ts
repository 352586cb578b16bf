import { afterAll, describe, expect, it } from "vitest";
import { precopy, temporaryFolder } from "./run-cli.js";

const folder = temporaryFolder();
afterAll(() => folder.remove());

const LOGS = "test/fixtures/logs";

describe("precopy explain", () => {
  it("tells a Xen migration pass by pass", async () => {
    const { code, out } = await precopy(["explain", `${LOGS}/xl-x05.log`]);
    expect(code).toBe(0);
    expect(out).toMatch(/xl {3}domain 13, x86 PV {3}completed in 18\.7 s, downtime 1\.16 s/);
    expect(out).toMatch(/^ +2 +8,277 pages +2\.12 s +128 Mbit\/s +6,413 .* 0\.77 +69$/m);
    expect(out).toMatch(/^pause +3,370 pages/m);
    expect(out).toMatch(/^end +the limit of passes was reached.*\(max-iterations\)$/m);
  });

  it("keeps to the width of the terminal below the table", async () => {
    const { out } = await precopy(["explain", `${LOGS}/kubevirt-stuck.log`], {
      terminalColumns: 80,
    });
    const words = out.split("\n").slice(2);
    expect(words.length).toBeGreaterThan(10);
    expect(Math.max(...words.map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it("gives JSON with the line of each figure", async () => {
    const { out } = await precopy(["explain", `${LOGS}/qmp-answers.jsonl`, "--json"]);
    const json = JSON.parse(out);
    expect(json).toMatchObject({
      schemaVersion: 1,
      observed: {
        format: "qmp",
        outcome: { value: "completed", line: 37 },
        downtime: { realNs: { value: 64e6, line: 37 } },
      },
      preset: "qemu72",
      end: { rule: "threshold" },
    });
    expect(json.passes[0]).toMatchObject({ number: 1, dirtiedPages: 10701, lines: [5, 31] });
  });

  it("refuses a bad line by file, line and reason; --lenient leaves it out and says so", async () => {
    const path = `${LOGS}/cloud-hypervisor-7799-cut.log`;
    const refused = await precopy(["explain", path]);
    expect(refused.code).toBe(2);
    expect(refused.err).toContain(`${path}:2: the iteration cannot be read, or is cut off`);
    const read = await precopy(["explain", path, "--lenient"]);
    expect(read.code).toBe(0);
    expect(read.out).toMatch(/^left out +line 2: the iteration cannot be read/m);
  });

  it("names the known formats where it knows none, and takes --format's word", async () => {
    const path = folder.file("notes.txt", "it was slow\n");
    const unknown = await precopy(["explain", path]);
    expect(unknown.code).toBe(2);
    expect(unknown.err).toMatch(/kubevirt \(.*cloud-hypervisor \(.*proxmox \(.*domjobinfo \(/);
    const forced = await precopy(["explain", path, "--format", "proxmox"]);
    expect(forced.code).toBe(0);
    expect((await precopy(["explain", path, "--format", "smoke"])).code).toBe(2);
    expect((await precopy(["explain", path, "--format", "proxmox", "--preset", "x"])).code).toBe(2);
  });

  it("replays with other settings beside the log and its own", async () => {
    const path = `${LOGS}/qmp-run-cancelled.jsonl`;
    const { code, out } = await precopy(["explain", path, "--downtime-limit", "700ms"]);
    expect(code).toBe(0);
    expect(out).toMatch(/^its settings +300 ms .* does not end in an hour$/m);
    expect(out).toMatch(/^changed +700 ms .* threshold/m);
    const json = await precopy(["explain", path, "--bandwidth", "10Gbit/s", "--json"]);
    expect(JSON.parse(json.out).replay).toMatchObject({
      own: { ends: false, downtimeLimitNs: 300e6 },
      changed: { ends: true, bandwidthBytesPerSec: 1.25e9 },
    });
    const noPasses = await precopy(["explain", `${LOGS}/proxmox-8.log`, "--bandwidth", "1Gbit/s"]);
    expect(noPasses.code).toBe(2);
    expect(noPasses.err).toContain("nothing to replay");
    expect((await precopy(["explain", path, "--bandwidth", "fast"])).code).toBe(2);
    expect((await precopy(["explain", path, "--bandwidth", "unlimited"])).code).toBe(2);
  });

  it("refuses an empty file and one that is not there", async () => {
    const empty = await precopy(["explain", folder.file("empty.log", "")]);
    expect(empty.code).toBe(2);
    expect(empty.err).toContain("the log is empty");
    expect((await precopy(["explain", "nowhere.log"])).code).toBe(2);
  });
});

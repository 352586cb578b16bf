import { describe, expect, it } from "vitest";
import { explain } from "../../src/forecast/explain.js";
import { readSample, readText, sample } from "./logs/sample.js";

const of = (name: string) => explain(readSample(name));

describe("explain", () => {
  it("tells which of Xen's two rules ended the passes, as its policy would", () => {
    const few = of("xl-x01.log");
    expect(few.end).toMatchObject({ rule: "dirty-count", agrees: true });
    const limit = of("xl-x05.log");
    expect(limit.end).toMatchObject({ rule: "max-iterations", agrees: true });
    expect(of("xl-h04.log").end).toMatchObject({ rule: "max-iterations", agrees: true });
    expect(limit.end.source).toContain("xg_sr_save.c");
  });

  it("says so where another policy ended them", () => {
    // Xen today would have sent two more passes.
    const lines = sample("xl-x05.log").split("\n");
    const short = lines.filter((line) => !/Frames iteration [34]:/.test(line)).join("\n");
    const { end } = explain(readText(short));
    expect(end.agrees).toBe(false);
    expect(end.words).toMatch(/another version, or a policy of its own/);
  });

  it("finds Clark's rule in xc_save's logs, even where passes are missing", () => {
    expect(of("xend-2012.log").end).toMatchObject({ rule: "dirty-count", agrees: true });
    expect(of("xc-save-4.log").end).toMatchObject({ rule: "dirty-count", agrees: true });
    expect(of("xend-2012.log").unknown).toContain("passes are missing from the log");
  });

  it("weighs what the guest wrote against what the link carried", () => {
    // By hand, pass 2: 6,413 pages in 2.12 s over 8,277 pages in 2.1189 s.
    const [, second] = of("xl-x05.log").passes;
    expect(second?.ratio).toBeCloseTo(6413 / 2.12 / (8277 / 2.1189), 4);
    expect(of("xl-x05.log").convergence).toBe("converging");
    expect(of("qmp-run-link.jsonl").convergence).toBe("converging");
    expect(of("cloud-hypervisor-7799.log").convergence).toBe("borderline");
    expect(of("qmp-run-cancelled.jsonl").convergence).toBe("borderline");
    expect(of("kubevirt-stuck.log").ratio).toBeCloseTo(41 / 38, 10);
    expect(of("proxmox-8.log").convergence).toBe("unknown");
  });

  it("sees that QEMU paused when the rest fitted under its threshold", () => {
    const { end, downtimeLimitNs } = of("qmp-run-link.jsonl");
    expect(end).toMatchObject({ rule: "threshold", agrees: true });
    expect(downtimeLimitNs).toBe(100e6);
    expect(end.words).toContain("the pause sent 2.97 MiB");
  });

  it("sees the manager behind a migration that was given up", () => {
    const { end } = of("kubevirt-stuck.log");
    expect(end.rule).toBe("progress-timeout");
    const late = sample("kubevirt-stuck.log").replace(
      /Live migration stuck for.*/g,
      "Live migration is not completed after 3600 seconds and has been aborted",
    );
    expect(explain(readText(late)).end.rule).toBe("completion-timeout");
    expect(of("proxmox-interrupted.log").end.rule).toBe("cancelled");
    expect(of("qmp-run-postcopy.jsonl").end.rule).toBe("post-copy");
  });

  it("takes the downtime apart as far as the log does", () => {
    const parts = of("cloud-hypervisor-7979.log").downtime;
    expect(parts[0]).toBe("the guest stood still for 298 ms, of 300 ms that were allowed");
    expect(parts).toContain("the rest is read and sent: 269 ms");
    // 3,119,040 bytes at the passes' 49.4 MB/s: 63 of 64 ms.
    expect(of("qmp-run-link.jsonl").downtime.join()).toMatch(/takes 63\.1 ms; \d+ µs are left/);
    expect(of("qmp-run-postcopy.jsonl").downtime.join()).toMatch(/leaves out the target/);
  });

  it("names the figure that a lever has to reach", () => {
    const { next } = of("qmp-run-cancelled.jsonl");
    // The smallest `remaining` at the first look at a pass was 18,464,768; 1,194,891,738 bytes in
    // 25.011 s are 47.8 MB/s: 387 ms.
    expect(next[0]).toMatch(/^a downtime limit of 387 ms \(now 300 ms\)/);
    expect(next.join("; ")).toMatch(/auto-converge.*post-copy/);
    expect(of("qmp-run-auto-converge.jsonl").next.join()).not.toMatch(/auto-converge/);
  });

  it("is honest about what is not in the log", () => {
    expect(of("domjobinfo-active.txt").unknown).toEqual([
      "libvirt rounds sizes to three decimals of their unit",
      "the downtime limit is not in the log: the default of 300 ms is taken",
      "no pass can be told from this log",
    ]);
    expect(of("domjobinfo-active.txt").next).toContain(
      "repeat virsh domjobinfo while it runs: one answer does not tell the passes",
    );
  });

  it("judges by another preset where it is asked to, and knows which there are", () => {
    const observed = readSample("xl-x05.log");
    expect(explain(observed, { preset: "xen2005" }).end.agrees).toBe(false);
    expect(() => explain(observed, { preset: "zen" })).toThrow(/there is no preset "zen"/);
  });
});

/**
 * The xl and xentop texts against real ones: xl-samples/ holds what the tools of Xen 4.17.7
 * printed on a host under the credit scheduler and one under credit2. The views below are built
 * by hand from the figures in those texts; the bytes must come out alike.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { DomainFlags, DomainState, HostView, VcpuState } from "../../src/model/domain.js";
import { modelledHostInfo } from "../../src/model/domain.js";
import { oneDecimal } from "../../src/report/xl/columns.js";
import { xlInfo } from "../../src/report/xl/info.js";
import { xlList } from "../../src/report/xl/list.js";
import { xlSchedCredit } from "../../src/report/xl/sched-credit.js";
import { xentop } from "../../src/report/xl/top.js";
import { xlVcpuList } from "../../src/report/xl/vcpu-list.js";

const SEC = 1e9;
const PAGES_PER_MIB = 256;
const PAGES_PER_KIB = 1 / 4;

function sample(name: string): string {
  return readFileSync(new URL(`./xl-samples/${name}`, import.meta.url), "utf8");
}

/** Flags from letters: r running, b blocked, p paused, d dying. */
function flags(letters: string): DomainFlags {
  return {
    running: letters.includes("r"),
    blocked: letters.includes("b"),
    paused: letters.includes("p"),
    dying: letters.includes("d"),
  };
}

function vcpu(letters: string, seconds: number): VcpuState {
  const { running, blocked } = flags(letters);
  return { online: true, running, blocked, physicalCpu: 0, cpuTimeNs: seconds * SEC };
}

interface Row {
  readonly id: number;
  readonly name: string;
  readonly memoryKib: number;
  readonly maxKib?: number;
  readonly letters: string;
  readonly seconds: number;
  readonly weight?: number;
  readonly cap?: number;
  readonly uuid?: string;
}

function domain(row: Row): DomainState {
  const { id, name, memoryKib, maxKib, letters, seconds, weight = 256, cap = 0, uuid } = row;
  return {
    id,
    name,
    uuid,
    memoryPages: memoryKib * PAGES_PER_KIB,
    maxMemoryPages: maxKib === undefined ? undefined : maxKib * PAGES_PER_KIB,
    vcpus: [vcpu(letters, seconds)],
    weight,
    cap,
    flags: flags(letters),
    cpuTimeNs: seconds * SEC,
  };
}

const creditHost: HostView["host"] = {
  ...modelledHostInfo({
    hostName: "(none)",
    physicalCpus: 1,
    totalPages: 2559 * PAGES_PER_MIB,
    freePages: 1440 * PAGES_PER_MIB,
  }),
  release: "6.1.0-56-amd64",
  version: "#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)",
  cpuKhz: 2_596_097,
  hardwareCaps: "078bf3fd:f2d83203:2c500800:00000075:00000000:00880129:00000000:00000000",
  virtualizationCaps: ["pv", "hvm", "hap", "gnttab-v1", "gnttab-v2"],
  xenExtra: ".7",
  xenCaps: "xen-3.0-x86_64 hvm-3.0-x86_32 hvm-3.0-x86_32p hvm-3.0-x86_64 ",
  commandLine:
    "dom0_mem=768M,max:768M dom0_max_vcpus=1 console=com1 com1=115200,8n1 loglvl=all " +
    "guest_loglvl=all noreboot ucode=no spec-ctrl=no xpti=no pv-l1tf=off mce=off sched=credit " +
    "hap_1gb=0 cpuidle=0",
  compiler: "x86_64-linux-gnu-gcc (Debian 12.2.0-14+deb12u1) 12.2.0",
  compiledBy: "pkg-xen-devel",
  compileDomain: "lists.alioth.debian.org",
  compileDate: "Wed Nov  4 16:52:28 UTC 2026",
  buildId: "151b373fd64b321593bf987fd923cd10dabadac4",
};

const credit2Host: HostView["host"] = {
  ...creditHost,
  freePages: 1346 * PAGES_PER_MIB,
  hardwareCaps: "078bfbfd:80982201:20100800:00000001:00000000:00000000:00000000:00000000",
  virtualizationCaps: ["pv", "shadow", "gnttab-v1", "gnttab-v2"],
  xenExtra: ".5",
  xenCaps: "xen-3.0-x86_64 ",
  scheduler: "credit2",
  commandLine:
    "dom0_mem=768M,max:768M dom0_max_vcpus=1 console=com1 com1=115200,8n1 loglvl=all " +
    "guest_loglvl=all noreboot ucode=no spec-ctrl=no xpti=no pv-l1tf=off mce=off ",
  compiler: "gcc (Debian 12.2.0-14+deb12u1) 12.2.0",
  compiledBy: "",
  compileDomain: "",
  compileDate: "Sun Nov 22 16:20:32 UTC 2026",
  buildId: "b23611dd0b7cb8103a4e5052bc383ab765df6058",
};

const DOM0 = { id: 0, name: "Domain-0", memoryKib: 786_432, maxKib: 786_432 };
const WEB1 = { name: "web1", memoryKib: 131_072, maxKib: 132_096, weight: 512 };
const DB1 = { name: "db1", memoryKib: 196_608, maxKib: 197_632, cap: 50 };
const IDLE1 = { id: 41, name: "idle1", memoryKib: 98_304, maxKib: 99_328, letters: "p" };

/** A view of the credit host: [state letters, seconds] of Domain-0, web1 and db1. */
function creditView(...states: [string, number][]): HostView {
  const rows = [DOM0, { ...WEB1, id: 20 }, { ...DB1, id: 21, memoryKib: 196_672 }];
  const domains = rows.map((row, at) => {
    const [letters, seconds] = states[at]!;
    return domain({ ...row, letters, seconds });
  });
  return { atNs: 0, host: creditHost, domains };
}

/** A view of the credit2 host: the same, and idle1 which is paused. */
function credit2View(...states: [string, number][]): HostView {
  const rows = [
    { ...DOM0 },
    { ...WEB1, id: 39, uuid: "a814de7d-ba8c-4826-8740-5e509f86b4a1" },
    { ...DB1, id: 40, uuid: "e4343458-fd13-4709-aff2-84603591fbe1" },
  ];
  const domains = rows.map((row, at) => {
    const [letters, seconds] = states[at]!;
    return domain({ ...row, letters, seconds });
  });
  domains.push(domain({ ...IDLE1, seconds: 4.2, uuid: "c29892ac-a439-4722-8648-a9c7e4871fe3" }));
  return { atNs: 0, host: credit2Host, domains };
}

/** Two samples, 2 s apart. */
function twoSamples(first: HostView, second: HostView, options = {}): string {
  const later = { ...second, atNs: 2 * SEC, previous: first };
  return xentop(first, options) + xentop(later, options);
}

describe("real texts, to the byte", () => {
  it("xl list", () => {
    const view = creditView(["r", 154.1], ["b", 3.2], ["b", 4.2]);
    expect(xlList(view)).toBe(sample("credit/xl-list.txt"));
    const view2 = credit2View(["r", 437.8], ["b", 4.9], ["b", 5.6]);
    expect(xlList(view2)).toBe(sample("credit2/xl-list.txt"));
  });

  it("xl list -v", () => {
    const view = credit2View(["r", 438.0], ["", 5.0], ["b", 5.6]);
    expect(xlList(view, { verbose: true })).toBe(sample("credit2/xl-list-v.txt"));
  });

  it("xl vcpu-list", () => {
    const view = creditView(["r", 154.4], ["b", 3.2], ["b", 4.3]);
    expect(xlVcpuList(view)).toBe(sample("credit/xl-vcpu-list.txt"));
    const view2 = credit2View(["r", 439.5], ["", 5.7], ["", 6.4]);
    expect(xlVcpuList(view2)).toBe(sample("credit2/xl-vcpu-list.txt"));
  });

  it("xl sched-credit, which says nothing under credit2", () => {
    const view = creditView(["r", 0], ["b", 0], ["b", 0]);
    expect(xlSchedCredit(view)).toBe(sample("credit/xl-sched-credit.txt"));
    const view2 = credit2View(["r", 0], ["b", 0], ["b", 0]);
    expect(xlSchedCredit(view2)).toBe(sample("credit2/xl-sched-credit.txt"));
  });

  it("xl info", () => {
    expect(xlInfo({ atNs: 0, host: creditHost, domains: [] })).toBe(sample("credit/xl-info.txt"));
    expect(xlInfo({ atNs: 0, host: credit2Host, domains: [] })).toBe(sample("credit2/xl-info.txt"));
  });

  it("xentop -b -i 2", () => {
    // Percent of 2 s: 3.2 % = 0.064 s, 13.2 % = 0.264 s, 22.0 % = 0.44 s.
    expect(
      twoSamples(
        creditView(["r", 154.2], ["b", 3.3], ["", 4.3]),
        creditView(["r", 154.264], ["b", 3.564], ["", 4.74]),
      ),
    ).toBe(sample("credit/xentop-b-i2.txt"));
    expect(
      twoSamples(
        credit2View(["r", 438.95], ["b", 5.1], ["b", 5.8]),
        credit2View(["r", 439.036], ["b", 5.358], ["b", 6.08]),
      ),
    ).toBe(sample("credit2/xentop-b-i2.txt"));
  });

  it("xentop -b -f -v -i 2", () => {
    expect(
      twoSamples(
        credit2View(["r", 439.1], ["b", 5.4], ["", 6.1]),
        credit2View(["r", 439.172], ["b", 5.646], ["b", 6.364]),
        { fullNames: true, vcpus: true },
      ),
    ).toBe(sample("credit2/xentop-b-f-v-i2.txt"));
  });
});

describe("what the samples do not show", () => {
  const plain = domain({ id: 7, name: "vm", memoryKib: 1024, letters: "b", seconds: 1 });
  const view = (...domains: DomainState[]): HostView => ({ atNs: 0, host: creditHost, domains });
  const secondLine = (text: string) => text.split("\n")[1] as string;

  it("marks a crash with s and c in xl list, with c alone in xentop", () => {
    const crashed = { ...plain, flags: { ...flags(""), shutdownReason: "crash" as const } };
    expect(secondLine(xlList(view(crashed)))).toContain("     ---sc-  ");
    expect(secondLine(xentop(view(crashed)))).toContain(" vm ---c-- ");
    expect(secondLine(xlList(view(crashed), { verbose: true }))).toContain(
      "-000000000000        3 ",
    );
    const off = { ...plain, flags: { ...flags("d"), shutdownReason: "poweroff" as const } };
    expect(secondLine(xlList(view(off)))).toContain("     ---s-d  ");
    expect(secondLine(xentop(view(off)))).toContain(" vm ds---- ");
  });

  it("says no limit and n/a where memory has no maximum", () => {
    expect(secondLine(xentop(view(plain)))).toContain(
      "       1024    0.0   no limit       n/a     1",
    );
  });

  it("orders xentop by name and folds case", () => {
    const named = ["web", "Domain-0", "db", "App"].map((name, id) => ({ ...plain, id, name }));
    const names = xentop(view(...named))
      .split("\n")
      .slice(1, -1)
      .map((line) => line.slice(0, 10).trim());
    expect(names).toEqual(["App", "db", "Domain-0", "web"]);
  });

  it("cuts names at ten characters unless asked for whole ones", () => {
    const long = { ...plain, name: "frontend-of-the-shop" };
    expect(secondLine(xentop(view(long)))).toMatch(/^frontend-o --b--- /);
    const full = xentop(view(long), { fullNames: true }).split("\n");
    expect(full[0]).toMatch(/^ {16}NAME {2}STATE /);
    expect(full[1]).toMatch(/^frontend-of-the-shop --b--- /);
  });

  it("sums interfaces and disks, and widens their columns when counters grow", () => {
    const disk = {
      outOfRequests: 1,
      reads: 99_999_999,
      writes: 3,
      sectorsRead: 4,
      sectorsWritten: 5,
    };
    const busy = {
      ...plain,
      networks: [
        { sentBytes: 1024, receivedBytes: 2048 },
        { sentBytes: 1023, receivedBytes: 0 },
      ],
      disks: [disk],
    };
    const [header, row] = xentop(view(busy)).split("\n") as [string, string];
    expect(header).toContain("VBD_OO    VBD_RD   VBD_WR");
    expect(row).toMatch(/ 2 {8}1 {8}2 {4}1 {8}1 {2}99999999 {8}3 {10}4 {10}5 {4}0$/);
  });

  it("gives 0.0 to a domain that the earlier sample did not have", () => {
    const previous = { atNs: 0, domains: [{ id: 1, cpuTimeNs: 0 }] };
    const later = { ...view(plain), atNs: SEC, previous };
    expect(secondLine(xentop(later))).toContain(" --b---          1    0.0 ");
  });

  it("breaks xentop's VCPU line after five, and leaves out those that are offline", () => {
    const off = { ...vcpu("", 0), online: false };
    const wide = { ...plain, vcpus: [...Array(5).fill(vcpu("r", 12)), vcpu("r", 3), off] };
    const lines = xentop(view(wide), { vcpus: true }).split("\n");
    expect(lines[2]).toBe(
      `VCPUs(sec): ${[0, 1, 2, 3, 4].map((n) => `  ${n}:         12s`).join("")}`,
    );
    expect(lines[3]).toBe("          5:          3s");
    expect(xlList(view(wide))).toContain("     1     6     -b----");
  });

  it("prints an offline VCPU and CPU sets as xl does", () => {
    const host = { ...creditHost, physicalCpus: 8 };
    const vcpus = [
      { ...vcpu("r", 1), physicalCpu: 3, hardAffinity: [0, 1, 2, 5], softAffinity: [7] },
      { ...vcpu("", 0), online: false, hardAffinity: [], softAffinity: [0, 1, 2, 3, 4, 5, 6, 7] },
    ];
    const text = xlVcpuList({ atNs: 0, host, domains: [{ ...plain, vcpus }] });
    expect(text.split("\n").slice(1, 3)).toEqual([
      "vm                                   7     0    3   r--       1.0  0-2,5 / 7",
      "vm                                   7     1    -   --p       0.0  none / all",
    ]);
  });

  it("rounds ties to even, as printf does", () => {
    expect([0.25, 0.75, 1.25, 2.5, 0.05, 0.35].map(oneDecimal)).toEqual(
      // 0.05 lies a little above the tie in binary, 0.35 a little below.
      ["0.2", "0.8", "1.2", "2.5", "0.1", "0.3"],
    );
  });
});

import { describe, expect, it } from "vitest";
import type { HostView } from "../../src/model/domain.js";
import { Simulation } from "../../src/model/simulation.js";
import type { SimulationSpec } from "../../src/model/spec.js";
import { hostView } from "../../src/report/host-view.js";
import { xlList } from "../../src/report/xl/list.js";
import { xentop } from "../../src/report/xl/top.js";
import { small } from "../support/specs.js";

const SEC = 1_000_000_000;

async function views(
  spec: SimulationSpec,
  hostName: string,
  ...instantsNs: number[]
): Promise<HostView[]> {
  const simulation = await Simulation.create(spec);
  const seen: HostView[] = [];
  for (const atNs of instantsNs) {
    simulation.advanceTo(atNs);
    seen.push(hostView(simulation, hostName, { atNs, previous: seen.at(-1) }));
  }
  simulation.dispose();
  return seen;
}

/** A guest of 256 MiB at 1 Gbit/s: its pages take more than 2 s. */
const BUSY = small({ pages: 65_536, demandCpus: 0.8 });

describe("hostView", () => {
  it("shows Domain-0 and the guests with ids, memory and time", async () => {
    const [view] = await views(BUSY, "a", SEC / 2);
    expect(view?.domains.map(({ id, name }) => [id, name])).toEqual([
      [0, "Domain-0"],
      [1, "guest"],
    ]);
    const [dom0, guest] = view?.domains ?? [];
    expect(guest).toMatchObject({ memoryPages: 65_536, weight: 256, cap: 0 });
    expect(guest?.cpuTimeNs).toBe(0.4 * SEC);
    expect(dom0?.cpuTimeNs).toBeGreaterThan(0.05 * 0.5 * SEC);
    expect(view?.host.freePages).toBe((1 << 22) - (1 << 16) - 65_536);
  });

  it("puts each running VCPU on a CPU of its own", async () => {
    const [view] = await views({ ...BUSY }, "a", SEC);
    const running =
      view?.domains.flatMap(({ vcpus }) => vcpus.filter((vcpu) => vcpu.running)) ?? [];
    const cpus = running.map(({ physicalCpu }) => physicalCpu);
    expect(cpus).toEqual([0, 1]);
    for (const { vcpus, cpuTimeNs } of view?.domains ?? []) {
      expect(vcpus.reduce((sum, vcpu) => sum + vcpu.cpuTimeNs, 0)).toBe(cpuTimeNs);
    }
  });

  it("never runs more VCPUs than there are CPUs", async () => {
    const spec = small({ cpus: 1 });
    const [view] = await views(spec, "a", SEC / 100);
    const running = view?.domains.flatMap(({ vcpus }) => vcpus.filter((vcpu) => vcpu.running));
    expect(running).toHaveLength(1);
  });

  it("calls a mostly idle guest blocked", async () => {
    const [view] = await views(small({ demandCpus: 0.1 }), "a", SEC / 100);
    expect(view?.domains[1]?.flags).toMatchObject({ running: false, blocked: true, paused: false });
  });

  it("shows the guest on both hosts while it moves, and on the target alone afterwards", async () => {
    const [, moving, moved] = await views(BUSY, "b", 0, SEC, 60 * SEC);
    expect(xlList(moving as HostView)).toMatch(/guest--incoming +1 +256 +1 +--p---/);
    expect(moved?.domains.map(({ name }) => name)).toEqual(["Domain-0", "guest"]);
    const [source] = await views(BUSY, "a", 60 * SEC);
    expect(source?.domains.map(({ name }) => name)).toEqual(["Domain-0"]);
  });

  it("lets time go on after the last migration", async () => {
    const [at60, at61] = await views(BUSY, "b", 60 * SEC, 61 * SEC);
    const timeOf = (view: HostView | undefined) => view?.domains[1]?.cpuTimeNs ?? 0;
    expect(timeOf(at61) - timeOf(at60)).toBe(0.8 * SEC);
    expect(xentop(at61 as HostView)).toMatch(/guest -+r +\d+ +80\.0 /);
  });

  it("shows the cap that a throttle sets", async () => {
    const strategy = "seed:margin=0.01";
    const spec = small({ pages: 65_536, strategy });
    const instants = Array.from({ length: 80 }, (_, i) => (i + 1) * 100_000_000);
    const caps = (await views(spec, "a", ...instants)).map((view) => view.domains[1]?.cap ?? 0);
    expect(caps[0]).toBe(0);
    expect(Math.max(...caps)).toBeGreaterThan(0);
    expect(Math.max(...caps)).toBeLessThan(100);
  });

  it("names the hosts when there is no such", async () => {
    await expect(views(BUSY, "nowhere", 0)).rejects.toThrow(/"nowhere".*a, b/);
  });

  it("gives a guest the same UUID wherever it stands", async () => {
    const [source] = await views(BUSY, "a", SEC);
    const [target] = await views(BUSY, "b", SEC);
    expect(source?.domains[1]?.uuid).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    expect(target?.domains[1]?.uuid).toBe(source?.domains[1]?.uuid);
  });
});

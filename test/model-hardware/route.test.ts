/** Ways over links and switches, on networks drawn by hand. */
import { describe, expect, it } from "vitest";
import { Routes } from "../../src/model/route.js";
import type { LinkSpec } from "../../src/model/spec.js";

function link(a: string, b: string, mbytes = 100, latencyNs = 10): LinkSpec {
  const bandwidthBytesPerSec = mbytes * 1e6;
  return { name: `${a}-${b}`, between: [a, b], bandwidthBytesPerSec, latencyNs };
}

const names = (routes: Routes, a: string, b: string) =>
  routes.find(a, b)?.hops.map((hop) => `${hop.link.name}${hop.reversed ? " back" : ""}`);

describe("routes", () => {
  it("take the link between two hosts, either way", () => {
    const routes = new Routes({ links: [link("a", "b")] });
    expect(names(routes, "a", "b")).toEqual(["a-b"]);
    expect(names(routes, "b", "a")).toEqual(["a-b back"]);
    expect(routes.find("a", "a")).toBeUndefined();
    expect(routes.find("a", "c")).toBeUndefined();
  });

  it("go over switches and not over hosts", () => {
    const links = [link("a", "s"), link("s", "t"), link("b", "t"), link("a", "c"), link("c", "b")];
    const routes = new Routes({ links, switches: ["s", "t"] });
    expect(names(routes, "a", "b")).toEqual(["a-s", "s-t", "b-t back"]);
    expect(names(routes, "b", "a")).toEqual(["b-t", "s-t back", "a-s back"]);
    expect([...routes.reachable("a")]).toEqual(["c", "b"]);
    expect(new Routes({ links }).find("a", "b")).toBeUndefined();
  });

  it("prefer fewer links, then links listed first", () => {
    const links = [
      link("a", "t"),
      link("t", "b"),
      link("a", "s"),
      link("s", "b"),
      link("s", "t"),
      link("c", "s"),
    ];
    const routes = new Routes({ links, switches: ["s", "t"] });
    expect(names(routes, "a", "b")).toEqual(["a-t", "t-b"]);
    expect(names(routes, "c", "b")).toEqual(["c-s", "s-b"]);
    const turned = new Routes({ links: [...links].reverse(), switches: ["s", "t"] });
    expect(names(turned, "a", "b")).toEqual(["a-s", "s-b"]);
  });

  it("are as wide as their narrowest link and as long as all", () => {
    const jumbo = { ...link("s", "b", 50, 7), frame: { payloadBytes: 9, overheadBytes: 1 } };
    const routes = new Routes({ links: [link("a", "s", 48, 5), jumbo], switches: ["s"] });
    const route = routes.between("a", "b");
    expect(route.latencyNs).toBe(12);
    expect(route.bandwidthBytesPerSec).toBe(48e6);
    // 45 MB/s of payload in jumbo frames, 48 MB/s · 1448 / 1538 in those of Ethernet
    expect(route.payloadBytesPerSec).toBe(45e6);
  });

  it("say between whom there is none", () => {
    const routes = new Routes({ links: [link("a", "s")], switches: ["s"] });
    expect(() => routes.between("a", "b")).toThrow("no link joins a and b");
  });
});

import { describe, expect, it } from "vitest";
import { Registry } from "../../src/migrate/registry.js";
import { representativeNames } from "../../src/migrate/representatives.js";

describe("Registry.listTechniques", () => {
  it("has every name once, kind by kind, none of a kind that is not told", () => {
    const registry = Registry.standard();
    const listed = registry.listTechniques();
    expect(new Set(listed.map(({ factory }) => factory)).size).toBe(listed.length);
    const order = listed.map(({ kind }) => registry.kinds().indexOf(kind));
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(order).not.toContain(-1);
    const lists = [
      registry.listStrategies(),
      registry.listPredictors(),
      registry.listThrottles(),
      registry.listManagers(),
      registry.listPresets(),
      registry.listAdmissions(),
    ];
    for (const factory of lists.flat()) expect(listed.map((one) => one.factory)).toContain(factory);
  });

  it("has what is added later, in its kind", () => {
    const registry = Registry.standard();
    const [jin] = registry.listThrottles();
    registry.addThrottle({ ...jin!, name: "mine" });
    const throttles = registry.listTechniques().filter(({ kind }) => kind === "throttle");
    expect(throttles.at(-1)?.factory.name).toBe("mine");
  });
});

describe("representativeNames", () => {
  const registry = Registry.standard();
  const names = representativeNames(registry);

  it("are names that the registry resolves, none twice", () => {
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(registry.resolve(name).name).toBe(name);
  });

  it("leave out nothing that a migration can be told, but admission rules", () => {
    const { predictor, preset } = registry.resolve("pre-copy");
    const words = new Set(names.flatMap((name) => name.split(/[+@]/)));
    for (const given of [predictor, preset]) words.add(given.name);
    for (const { kind, factory } of registry.listTechniques()) {
      expect([factory.name, words.has(factory.name)]).toEqual([factory.name, kind !== "admission"]);
    }
  });

  it("put throttles on a loop that has no round limit", () => {
    expect(names).toContain("pre-copy+auto-converge@qemu72");
    expect(names).toContain("pre-copy+wsclock");
    expect(names).toContain("pre-copy@xen2005");
  });

  it("do without pre-copy and QEMU's loop where a registry has none", () => {
    expect(representativeNames(new Registry())).toEqual([]);
    const small = new Registry();
    for (const strategy of registry.listStrategies()) small.addStrategy(strategy);
    for (const predictor of registry.listPredictors()) small.addPredictor(predictor);
    for (const preset of registry.listPresets().slice(0, 1)) small.addPreset(preset);
    for (const throttle of registry.listThrottles()) small.addThrottle(throttle);
    expect(representativeNames(small)).toContain("pre-copy+jin");
  });
});

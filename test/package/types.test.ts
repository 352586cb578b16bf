/** A user's TypeScript project compiles against the packed declarations. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makeProject, ROOT } from "./places.js";

const CONSUMER = `
import {
  Kernels,
  PrecopyError,
  Registry,
  simulate,
  type PredictorFactory,
  type Preset,
  type SimulationResult,
  type SimulationSpec,
  type StrategyFactory,
} from "precopy";
import { PageBitmap, WsClockRing, type Kernels as SameKernels } from "precopy/kernels";

export async function run(spec: SimulationSpec): Promise<readonly number[]> {
  const registry = Registry.standard();
  const result: SimulationResult = await simulate(spec, { registry, kernels: { simd: false } });
  return result.migrations.map((migration) => migration.stagesNs.stopAndCopy);
}

export const extend = (
  registry: Registry,
  parts: { predictor: PredictorFactory; preset: Preset; strategy: StrategyFactory },
): void => {
  registry.addPredictor(parts.predictor);
  registry.addPreset(parts.preset);
  registry.addStrategy(parts.strategy);
};

export async function workingSet(): Promise<number> {
  const kernels: SameKernels = await Kernels.load({ arenaBytes: 1 << 20 });
  const ring = WsClockRing.create(kernels, 1024, { tauTicks: 100 });
  return ring.workingSet(0, PageBitmap.create(kernels, 1024));
}

export const limit = (error: unknown): boolean =>
  error instanceof PrecopyError && error.code === "limit";

// @ts-expect-error a seed is a number
export const wrong: SimulationSpec["seed"] = "1";
`;

const SCENARIO = `
import { loadScenario } from "precopy/scenario";
import type { SimulationSpec } from "precopy";

export const specOf = async (
  ...args: Parameters<typeof loadScenario>
): Promise<SimulationSpec> => (await loadScenario(...args)).spec;
`;

const FORECAST = `
import { forecast, readDirtyRates, dirtyPoints, type Forecast } from "precopy/forecast";

export function ask(text: string): Forecast {
  const { points } = dirtyPoints(readDirtyRates(text, { file: "rates" }).readings);
  return forecast({
    guest: { kind: "rates", pages: 2 ** 21, dirtied: points },
    linkBytesPerSec: 1.1e9,
    strategy: "pre-copy+kubevirt@qemu102",
  });
}
`;

const V86_GUEST = `
import { V86 } from "v86";
import { PageBitmap } from "precopy/kernels";
import { V86Guest, type V86GuestOptions } from "precopy/v86";

export async function written(wasm: ArrayBuffer, into: PageBitmap): Promise<number> {
  const options: V86GuestOptions = { V86, wasm, memoryBytes: 2 ** 24, tracking: "tlb" };
  const guest = await V86Guest.create(options);
  guest.enableLogDirty();
  return guest.harvest("ram", into);
}

class Other {
  constructor(readonly size: number) {}
}
// @ts-expect-error the class has to be v86's
export const wrong: V86GuestOptions["V86"] = Other;
`;

const STRICT = {
  target: "ES2022",
  lib: ["ES2022", "DOM"],
  types: [] as string[],
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: false,
  noEmit: true,
};

describe("declarations", () => {
  it.each([
    ["bundler", "consumer.ts", { ...STRICT, module: "ESNext", moduleResolution: "bundler" }],
    ["node16, import", "consumer.mts", { ...STRICT, module: "Node16" }],
    ["node16, require", "consumer.cts", { ...STRICT, module: "Node16" }],
    [
      "Node's types without the browser's",
      "consumer.mts",
      { ...STRICT, module: "Node16", lib: ["ES2022"], types: ["node"], skipLibCheck: true },
    ],
  ])("compile: %s", (name, file, compilerOptions) => {
    const dir = makeProject(
      `types-${name.replaceAll(/\W+/g, "-")}`,
      {
        [file]: CONSUMER,
        "tsconfig.json": JSON.stringify({ compilerOptions, files: [file] }),
      },
      ["@types/node", "undici-types"],
    );
    expect(compile(dir)).toBe("");
  });

  it.each(["mts", "cts"])("of scenarios fit those of the main entry (%s)", (extension) => {
    const file = `scenario.${extension}`;
    const dir = makeProject(
      `types-scenario-${extension}`,
      {
        [file]: SCENARIO,
        "tsconfig.json": JSON.stringify({
          compilerOptions: { ...STRICT, module: "Node16" },
          files: [file],
        }),
      },
      ["zod", "yaml"],
    );
    expect(compile(dir)).toBe("");
  });
});

describe("declarations of precopy/forecast", () => {
  it.each(["mts", "cts"])("need nothing that is installed (%s)", (extension) => {
    const file = `forecast.${extension}`;
    const dir = makeProject(`types-forecast-${extension}`, {
      [file]: FORECAST,
      "tsconfig.json": JSON.stringify({
        compilerOptions: { ...STRICT, module: "Node16" },
        files: [file],
      }),
    });
    expect(compile(dir)).toBe("");
  });
});

describe("declarations of precopy/v86", () => {
  it.each([
    ["bundler", { ...STRICT, module: "ESNext", moduleResolution: "bundler" }],
    ["node16", { ...STRICT, module: "Node16" }],
  ])("take the class of the package v86: %s", (name, options) => {
    // v86's own declarations name what it does not declare.
    const compilerOptions = { ...options, skipLibCheck: true };
    const dir = makeProject(
      `types-v86-${name}`,
      {
        "guest.mts": V86_GUEST,
        "tsconfig.json": JSON.stringify({ compilerOptions, files: ["guest.mts"] }),
      },
      ["v86"],
    );
    expect(compile(dir)).toBe("");
  });
});

/** What tsc has to say about a project: nothing, if all is well. */
function compile(dir: string): string {
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  const { stdout, stderr } = spawnSync(process.execPath, [tsc, "-p", dir], { encoding: "utf8" });
  return stdout + stderr;
}

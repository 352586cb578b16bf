/**
 * Plug-ins: an ES module whose default export adds strategies, techniques, presets and admission
 * rules to a registry, by the same interfaces that the package's own use.
 *
 *     export default function register(registry) {
 *       registry.addPreset({ name: "two-rounds", … });
 *     }
 */
import { PrecopyError } from "../base/errors.js";
import type { NameKind, Registry } from "../migrate/registry.js";

/** What a plug-in's module exports by default. */
export type RegisterPlugin = (registry: Registry) => void;

/** Functions that registered entries must have. */
const REQUIRED: Readonly<Partial<Record<NameKind, readonly string[]>>> = {
  strategy: ["arenaBytes", "createLive"],
  predictor: ["evidence", "arenaBytes", "create"],
  throttle: ["create"],
  manager: ["create"],
  preset: ["createStopRule", "createBandwidth"],
  admission: ["create"],
};

const NAME = /^[a-z0-9][a-z0-9-]{0,63}$/;

/**
 * Lets an imported module register what it brings. `file` names it in errors, each of which is a
 * {@link PrecopyError} `bad-input`. Returns the names that it added.
 */
export function loadPlugin(module: unknown, registry: Registry, file: string): string[] {
  const register = (module as { default?: unknown } | null)?.default;
  if (typeof register !== "function") {
    const problem = register === undefined ? "has no default export" : "exports no function";
    refuse(file, `${problem}: write "export default function register(registry) { … }"`);
  }
  const before = new Set(registry.listTechniques().map(({ factory }) => factory));
  let returned: unknown;
  try {
    returned = (register as RegisterPlugin)(registry);
  } catch (error) {
    refuse(file, `could not register: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (returned instanceof Promise) {
    // Nobody would hear of its failure otherwise.
    returned.catch(() => {});
    refuse(file, "registers asynchronously: make register() a plain function");
  }
  const added = registry.listTechniques().filter(({ factory }) => !before.has(factory));
  if (added.length === 0)
    refuse(file, "registered nothing: call registry.addPredictor or the like");
  for (const { kind, factory } of added) checkEntry(file, kind, factory);
  return added.map(({ factory }) => factory.name);
}

function checkEntry(file: string, kind: NameKind, entry: { name: string }): void {
  const { name, summary, source, params } = entry as unknown as Record<string, unknown>;
  if (typeof name !== "string" || !NAME.test(name)) {
    refuse(file, `names a ${kind} "${name}": use lower-case letters, digits and hyphens`);
  }
  for (const [key, value] of Object.entries({ summary, source })) {
    if (typeof value !== "string")
      refuse(file, `brings a ${kind} ${name} without ${key}: give it a line`);
  }
  if (kind !== "preset" && (typeof params !== "object" || params === null)) {
    refuse(file, `brings a ${kind} ${name} without params: give {} if it takes none`);
  }
  for (const method of REQUIRED[kind] ?? []) {
    if (typeof (entry as unknown as Record<string, unknown>)[method] !== "function") {
      refuse(file, `brings a ${kind} ${name} without a function ${method}()`);
    }
  }
}

function refuse(file: string, problem: string): never {
  throw new PrecopyError("bad-input", `this plug-in ${problem}`, { file });
}

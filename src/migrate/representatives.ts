/**
 * One name for everything that is registered, each in the surroundings that it was made for: what a
 * comparison over all of them runs, and what an editor offers. A technique of a kind that is not
 * named here stands behind plain pre-copy.
 */
import type { ListedTechnique, Registry } from "./registry.js";

/** What techniques are shown with. */
const BASE = "pre-copy";

/** QEMU's loop ends when the rest is small enough, not after so many rounds: what slows the guest
 * down, and who watches over the move, decide there whether it ends. */
const OPEN_LOOP = "@qemu72";

/** Names that {@link Registry.resolve} takes, in the order of the registry's list, none twice. */
export function representativeNames(registry: Registry): string[] {
  const listed = registry.listTechniques();
  const has = (kind: string, name: string) =>
    listed.some((one) => one.kind === kind && one.factory.name === name);
  const base = has("strategy", BASE) ? registry.resolve(BASE) : undefined;
  const loop = has("preset", OPEN_LOOP.slice(1)) ? OPEN_LOOP : "";
  // Plain pre-copy has these anyway.
  const given = new Set([base?.predictor.name, base?.preset.name]);
  return listed.flatMap(({ kind, factory: { name } }) => {
    if (kind === "strategy") return [name];
    return base === undefined || given.has(name) ? [] : inPlace(kind, name, loop);
  });
}

function inPlace(kind: ListedTechnique["kind"], name: string, loop: string): string[] {
  switch (kind) {
    case "admission":
      return [];
    case "preset":
      return [`${BASE}@${name}`];
    case "throttle":
    case "manager":
      return [`${BASE}+${name}${loop}`];
    default:
      return [`${BASE}+${name}`];
  }
}

/** Parameters of strategies set by their bare names, in whichever part of a name takes them. */
import { PrecopyError } from "../../base/errors.js";
import type { Registry } from "../../migrate/registry.js";

interface Part {
  /** What stands before it: nothing, "+" or "@". */
  readonly sign: string;
  readonly name: string;
  readonly params: string;
}

/** The strategy with the parameter, or what those of its parts said that do not have it. */
export type WithParam =
  | { readonly name: string }
  | { readonly name: undefined; readonly refusals: readonly string[] };

/**
 * Sets a parameter of a strategy, of what it is combined with, or of the predictor or preset that
 * it has by default: with tau=1s, `pre-copy+wsclock` becomes `pre-copy+wsclock:tau=1s`, and `seed`
 * becomes `seed+wsclock:tau=1s`.
 * Where several parts have it, all get it. A value that is wrong is a {@link PrecopyError}.
 */
export function withParam(
  registry: Registry,
  strategy: string,
  key: string,
  value: string,
): WithParam {
  const refusals: string[] = [];
  let parts = partsOf(strategy);
  let found = false;
  /** Keeps the change where the registry takes it; a part that lacks the parameter says so. */
  const attempt = (changed: readonly Part[]): boolean => {
    try {
      registry.resolve(textOf(changed));
    } catch (error) {
      if (!(error instanceof PrecopyError)) throw error;
      const lacks = error.message.includes(`has no parameter "${key}"`);
      // A part that takes no parameters at all cannot even be written with one.
      if (!lacks && !error.message.includes("is not a strategy")) throw error;
      if (lacks) refusals.push(error.message);
      return false;
    }
    parts = [...changed];
    found = true;
    return true;
  };
  for (const [i, part] of parts.entries()) {
    const changed = { ...part, params: replaced(part.params, key, value) };
    attempt(parts.map((other, at) => (at === i ? changed : other)));
  }
  const { predictor, preset } = registry.resolve(strategy);
  for (const { sign, name, specs = {} } of [
    { sign: "+", name: predictor.name, specs: predictor.params },
    { sign: "@", name: preset.name, specs: preset.params },
  ]) {
    const known = Object.keys(specs);
    const written = parts.some((part) => part.sign === sign && part.name === name);
    if (written || known.length === 0) continue;
    if (known.includes(key)) {
      const implied = { sign, name, params: `${key}=${value}` };
      const [first, ...rest] = parts as [Part, ...Part[]];
      attempt(sign === "+" ? [first, implied, ...rest] : [first, ...rest, implied]);
    } else {
      refusals.push(`${name} has no parameter "${key}": it takes ${known.join(", ")}`);
    }
  }
  return found ? { name: textOf(parts) } : { name: undefined, refusals };
}

function partsOf(strategy: string): Part[] {
  return strategy
    .trim()
    .split(/(?=[+@])/)
    .map((text) => {
      const sign = /^[+@]/.exec(text)?.[0] ?? "";
      const [name = "", ...params] = text.slice(sign.length).split(":");
      return { sign, name, params: params.join(":") };
    });
}

function textOf(parts: readonly Part[]): string {
  return parts
    .map(({ sign, name, params }) => `${sign}${name}${params === "" ? "" : `:${params}`}`)
    .join("");
}

/** `key` takes the place of what was given for it. */
function replaced(params: string, key: string, value: string): string {
  const others = params.split(",").filter((piece) => {
    const name = piece.split("=")[0]?.trim();
    return name !== "" && name !== key;
  });
  return [...others, `${key}=${value}`].join(",");
}

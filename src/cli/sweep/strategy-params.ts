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
 * Sets a parameter of a strategy, of what it is combined with, or of its default predictor:
 * `pre-copy+wsclock` with tau=1s is `pre-copy+wsclock:tau=1s`, and so is `seed`: `seed+wsclock:…`.
 * Where several parts have it, all get it. A value that is wrong is a {@link PrecopyError}.
 */
export function withParam(
  registry: Registry,
  strategy: string,
  key: string,
  value: string,
): WithParam {
  const resolved = registry.resolve(strategy);
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
  const { predictor } = resolved;
  const written = parts.some(({ sign, name }) => sign === "+" && name === predictor.name);
  const known = Object.keys(predictor.params);
  if (!written && known.includes(key)) {
    const implied = { sign: "+", name: predictor.name, params: `${key}=${value}` };
    attempt([parts[0] as Part, implied, ...parts.slice(1)]);
  } else if (!written && known.length > 0) {
    refusals.push(`${predictor.name} has no parameter "${key}": it takes ${known.join(", ")}`);
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

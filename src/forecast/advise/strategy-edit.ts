/** Changes to a strategy's name: names carry every setting, so a change of settings is one of them. */
import type { ParamSpecs } from "../../base/params.js";
import {
  type NamePart,
  parseStrategyName,
  type StrategyName,
} from "../../migrate/strategy-name.js";

/** As it is written after `=`; true for a flag, undefined to leave it out. */
export type ParamTexts = Readonly<Record<string, string | true | undefined>>;

/** `name` with a technique more, before another one if that is there. */
export function withTechnique(name: string, technique: string, before?: string): string {
  const parsed = parseStrategyName(name);
  const parts = [...parsed.techniques];
  const at = parts.findIndex((part) => part.name === before);
  const added = parseStrategyName(`pre-copy+${technique}`).techniques;
  parts.splice(at < 0 ? parts.length : at, 0, ...added);
  return written({ ...parsed, techniques: parts });
}

/** `name` with parameters of one of its techniques, or of its preset, set anew. */
export function withParams(name: string, owner: string, params: ParamTexts): string {
  const parsed = parseStrategyName(name);
  const edit = (part: NamePart) => (part.name === owner ? edited(part, params) : part);
  return written({
    ...parsed,
    techniques: parsed.techniques.map(edit),
    preset: parsed.preset && edit(parsed.preset),
  });
}

/** `name` with another strategy, its techniques and preset as they are. */
export function withStrategy(name: string, strategy: string): string {
  const [part] = [parseStrategyName(strategy).strategy];
  return written({ ...parseStrategyName(name), strategy: part as NamePart });
}

export function hasTechnique(name: string, technique: string): boolean {
  return parseStrategyName(name).techniques.some((part) => part.name === technique);
}

/** What a preset or technique can be told at all. */
export function takes(specs: ParamSpecs | undefined, key: string): boolean {
  return specs !== undefined && Object.hasOwn(specs, key);
}

function edited({ name, params }: NamePart, changes: ParamTexts): NamePart {
  const keyOf = (text: string) => text.split("=")[0]?.trim() ?? "";
  const kept = params
    .split(",")
    .filter((text) => text.trim() !== "" && !Object.hasOwn(changes, keyOf(text)));
  const added = Object.entries(changes).flatMap(([key, value]) => {
    if (value === undefined) return [];
    return value === true ? key : `${key}=${value}`;
  });
  return { name, params: [...kept, ...added].join(",") };
}

function written({ strategy, techniques, preset }: StrategyName): string {
  const text = ({ name, params }: NamePart) => (params === "" ? name : `${name}:${params}`);
  const body = [strategy, ...techniques].map(text).join("+");
  return preset === undefined ? body : `${body}@${text(preset)}`;
}

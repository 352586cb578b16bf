/**
 * Names of strategies, written alike in YAML, on the command line and in a URL: a strategy, the
 * techniques that it is combined with, and the toolstack whose loop it runs in.
 *
 *     strategy[:params](+technique[:params])*[@preset[:params]]
 *     pre-copy+wsclock:tau=200ms+xbzrle+auto-converge@qemu72
 */
import { PrecopyError } from "../base/errors.js";

/** How a name is written, for help and for machines. */
export const STRATEGY_GRAMMAR = "strategy[:params](+technique[:params])*[@preset[:params]]";

/** A name with the text of its parameters. */
export interface NamePart {
  readonly name: string;
  /** As in `tau=200ms,refs`; empty for none. */
  readonly params: string;
}

export interface StrategyName {
  readonly strategy: NamePart;
  /** In the order in which they were written. */
  readonly techniques: readonly NamePart[];
  /** Left out: the strategy's own default. */
  readonly preset: NamePart | undefined;
}

const WORD = /^[a-z0-9][a-z0-9-]*$/;

/** Splits a name into its parts; whether they exist is the registry's question. */
export function parseStrategyName(text: string): StrategyName {
  const [body = "", preset, ...rest] = text.trim().split("@");
  const [strategy, ...techniques] = body.split("+").map(splitParams);
  const parts = preset === undefined ? [] : [splitParams(preset)];
  const all = [strategy as NamePart, ...techniques, ...parts];
  if (rest.length > 0 || !all.every(({ name }) => WORD.test(name))) {
    throw new PrecopyError(
      "bad-input",
      `"${text}" is not a strategy: write strategy+technique:params@preset, as in pre-copy, pre-copy@xen2005 or pre-copy+wsclock:tau=200ms@xen`,
    );
  }
  return { strategy: strategy as NamePart, techniques, preset: parts[0] };
}

function splitParams(text: string): NamePart {
  const at = text.indexOf(":");
  return at < 0
    ? { name: text, params: "" }
    : { name: text.slice(0, at), params: text.slice(at + 1) };
}

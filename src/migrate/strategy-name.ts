/**
 * Names of strategies, written alike in YAML, on the command line and in a URL:
 *
 *     strategy[+predictor[:params]][@preset]        pre-copy+wsclock:tau=200ms@xen2005
 */
import { PrecopyError } from "../base/errors.js";

export interface StrategyName {
  readonly strategy: string;
  readonly strategyParams: string;
  readonly predictor: string;
  readonly predictorParams: string;
  /** Empty: the strategy's own default. */
  readonly preset: string;
}

const WORD = /^[a-z0-9][a-z0-9-]*$/;

/** Splits a name into its parts; whether they exist is the registry's question. */
export function parseStrategyName(text: string): StrategyName {
  const [body = "", preset, ...rest] = text.trim().split("@");
  const plus = body.indexOf("+");
  const [strategy, strategyParams] = splitParams(plus < 0 ? body : body.slice(0, plus));
  const [predictor, predictorParams] = plus < 0 ? ["", ""] : splitParams(body.slice(plus + 1));
  const bad =
    rest.length > 0 ||
    !WORD.test(strategy) ||
    (plus >= 0 && !WORD.test(predictor)) ||
    (preset !== undefined && !WORD.test(preset));
  if (bad) {
    throw new PrecopyError(
      "bad-input",
      `"${text}" is not a strategy: write strategy+predictor:params@preset, as in pre-copy, pre-copy@xen2005 or pre-copy+wsclock:tau=200ms@xen`,
    );
  }
  return { strategy, strategyParams, predictor, predictorParams, preset: preset ?? "" };
}

function splitParams(text: string): [string, string] {
  const at = text.indexOf(":");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

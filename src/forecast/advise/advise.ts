/**
 * The smallest change, in order of cost, that makes a migration work within what its user wants.
 * Every option is a whole input again: forecast it anew and it meets the goal.
 */
import type { Forecast, ForecastInput } from "../forecast.js";
import { type ForecastSettings, forecastSettings } from "../forecast-settings.js";
import {
  type CommandBlock,
  checkGuestName,
  commandsFor,
  defaultTool,
  lacking,
  type Tool,
} from "./commands/index.js";
import { type Goals, type Verdict, type Wanted, wantedOf } from "./goals.js";
import { askedLimitMs } from "./knobs.js";
import { type Finding, isOption, type Option, type Rejected, rejected } from "./option.js";
import { compression, xbzrle } from "./option-codecs.js";
import { bandwidthLimitOption, downtimeLimit, fasterLink } from "./option-limits.js";
import { twoChanges } from "./option-pairs.js";
import { postCopy } from "./option-post-copy.js";
import { autoConverge } from "./option-throttle.js";
import { timeOut } from "./option-timeout.js";
import { Trials } from "./trials.js";

export interface AdviseOptions {
  /** Whose commands are given. Default: of the manager or hypervisor in the strategy's name. */
  readonly tool?: Tool;
  /** As the tool knows it; `namespace/name` in KubeVirt. Default: a placeholder. */
  readonly guest?: string;
}

export interface AdvisedOption extends Option {
  /** What to forecast anew. */
  readonly input: ForecastInput;
  readonly commands: readonly CommandBlock[];
}

export interface Advice {
  readonly wanted: Wanted;
  readonly tool: Tool;
  readonly asked: {
    readonly input: ForecastInput;
    readonly forecast: Forecast;
    readonly verdict: Verdict;
  };
  /** The cheapest first; empty where nothing has to be changed. */
  readonly options: readonly AdvisedOption[];
  /** The cheapest that meets the goals. */
  readonly recommended: AdvisedOption | undefined;
  readonly rejected: readonly Rejected[];
  /** As asked or by one of the options. */
  readonly attainable: boolean;
}

/** The cheapest first. */
const SEARCHES = [
  bandwidthLimitOption,
  downtimeLimit,
  timeOut,
  autoConverge,
  xbzrle,
  compression,
  postCopy,
  fasterLink,
];

/** @throws PrecopyError for goals and names that cannot be, and for what is not forecast. */
export function advise(
  input: ForecastInput,
  goals: Goals = {},
  { tool, guest }: AdviseOptions = {},
): Advice {
  const settings = settingsOf(input);
  if (guest !== undefined) checkGuestName(guest);
  const chosen = tool ?? defaultTool(settings);
  const wanted = wantedOf(goals, askedLimitMs(input, settings));
  const trials = new Trials(input, wanted, (changed) => lacking(chosen, changed));
  const verdict = trials.judge();
  const { options, others } = verdict.meets ? { options: [], others: [] } : search(trials);
  const advised = options.map((one): AdvisedOption => {
    const changed = trials.changed(one.change);
    const commands = commandsFor(chosen, changed, { ...(guest !== undefined && { guest }) });
    return { ...one, input: changed, commands };
  });
  const recommended = advised.find(({ meets }) => meets);
  return {
    ...{ wanted: trials.wanted, tool: chosen, options: advised, recommended, rejected: others },
    asked: { input, forecast: trials.forecast(), verdict },
    attainable: verdict.meets || recommended !== undefined,
  };
}

function settingsOf({ strategy }: ForecastInput): ForecastSettings {
  return typeof strategy === "object" ? strategy : forecastSettings(strategy);
}

function search(trials: Trials): { options: Option[]; others: Rejected[] } {
  const findings = SEARCHES.map((look) => possible(trials, look(trials)));
  const options = findings.filter(isOption);
  const others = findings.filter((one): one is Rejected => !isOption(one));
  // A faster link is a single change too, but seldom to be had.
  if (options.some(({ meets, kind }) => meets && kind !== "link")) return { options, others };
  const pairs = twoChanges(trials);
  if (pairs.length === 0) others.push(rejected("two-changes", "no two of them are enough"));
  return { options: [...options, ...pairs], others };
}

/** What the tool cannot be told is no option. */
function possible(trials: Trials, finding: Finding): Finding {
  if (!isOption(finding)) return finding;
  const [first] = trials.lacks(trials.changed(finding.change));
  if (first === undefined) return finding;
  return rejected(finding.kind, `the tool has no setting for ${first}`);
}

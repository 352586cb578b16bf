/** Advice before a migration: the smallest change that makes it work, when, and in which order. */
export { type Advice, type AdvisedOption, type AdviseOptions, advise } from "./advise.js";
export { type BestMoment, bestMoment, type Moment, type Stretch } from "./best-moment.js";
export {
  type CommandBlock,
  commandsFor,
  TOOL_NAMES,
  type Tool,
  toolNamed,
} from "./commands/index.js";
export {
  AT_ONCE_DEFAULT,
  DRAIN_GUESTS_MAX,
  type Drain,
  type DrainGuest,
  type DrainMove,
  type DrainOptions,
  type DrainPlan,
  drainPlan,
} from "./drain-plan.js";
export type { Goals, Verdict, Wanted } from "./goals.js";
export type { OptionKind, Rejected } from "./option.js";

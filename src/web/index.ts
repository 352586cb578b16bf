/**
 * Live migration in a browser (`precopy/web`): guests in module workers, moved between two workers
 * of a page or between two tabs, with the page looking on.
 */
export { PrecopyError, type PrecopyErrorCode } from "../base/errors.js";
export {
  parseTinyReports,
  type TinyReport,
  type TinyReports,
} from "../live/guests/tiny-reports.js";
export { GuestWorker, type GuestWorkerOptions } from "./guest-worker.js";
export type {
  BootOptions,
  MigrateOptions,
  News,
  Phase,
  Pulse,
  ReceiveOptions,
  V86Files,
} from "./messages.js";
export { SerialJudge } from "./serial-judge.js";

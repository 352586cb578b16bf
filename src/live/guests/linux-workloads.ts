/**
 * Workloads of the Linux guest (guests/linux): each is a line for its shell, and checks its own
 * results. All report in the tiny guest's way, so that one judge reads them:
 *
 *     gzip n=000012 ms=3456 writes=12 scans=12 bad=0
 *
 * `dirty` is the tiny guest's page writer as a process, 20 reports a second. The others report each
 * round: `writes` results made, `scans` results checked, `bad` checks that failed.
 */
import { type TinyGuestOptions, tinyGuest } from "./tiny.js";
import { parseReports, type TinyReports } from "./tiny-reports.js";

export type LinuxWorkloadName = "dirty" | "gzip" | "sort" | "sqlite";

export const LINUX_WORKLOADS: readonly LinuxWorkloadName[] = ["dirty", "gzip", "sort", "sqlite"];

export interface LinuxWorkload {
  readonly name: LinuxWorkloadName;
  /** Starts it in the background; a line for the shell, with its end. */
  readonly start: string;
  /** Ends it. */
  readonly stop: string;
  /** Finds one of its reports in the serial text. */
  readonly report: RegExp;
  /** Judges its reports in the serial text, whatever else stands there. */
  judge(text: string): TinyReports;
}

/** `dirty` takes the tiny guest's options; its pages have to fit into the guest's memory. */
export function linuxWorkload(
  name: LinuxWorkloadName,
  options: TinyGuestOptions = {},
): LinuxWorkload {
  const command = name === "dirty" ? `dirty ${tinyGuest(options).commandLine}` : `workload ${name}`;
  return {
    name,
    start: `${command} &\n`,
    stop: `killall -q ${name === "dirty" ? "dirty" : "workload"}\n`,
    report: new RegExp(`${name} n=\\d{6,} ms=\\d+ writes=\\d+ scans=\\d+ bad=\\d+\\n`),
    judge: (text) => judge(name, text),
  };
}

/** The prompt stands before the first line of a program; lines of others are left out. */
function judge(name: LinuxWorkloadName, text: string): TinyReports {
  const lines = text.replaceAll("\r", "").split("\n");
  const end = lines.pop() as string;
  const mine = lines.map((line) => line.replace(/^(linux# )+/, ""));
  const kept = mine.filter((line) => line.startsWith(`${name} `));
  return parseReports([...kept, end.startsWith(`${name} `) ? end : ""].join("\n"), name);
}

/** What a guest's own reports amount to, in words. */
import type { TinyReports } from "../../live/guests/tiny-reports.js";
import { plural } from "../../report/text.js";

/** "812 reports, no gap, no repeat, no bad page"; what is wrong where something is. */
export function reportsText(found: TinyReports): string {
  const { reports, missing, repeated, bad, wrongLines, sound } = found;
  const last = reports.at(-1);
  if (last === undefined) return "no report yet";
  const counted = `${plural(reports.length, "report")} up to ${last.n}`;
  if (sound) return `${counted}, no gap, no repeat, nothing bad`;
  const wrong = [
    ...(missing.length > 0 ? [`missing ${missing.slice(0, 3).join(", ")}`] : []),
    ...(repeated.length > 0 ? [`repeated ${repeated.slice(0, 3).join(", ")}`] : []),
    ...(bad > 0 ? [`${plural(bad, "check")} failed`] : []),
    ...(wrongLines.length > 0 ? [`"${wrongLines[0]}"`] : []),
  ];
  return `${counted}, NOT SOUND: ${wrong.join("; ") || "its counters fell, or it started again"}`;
}

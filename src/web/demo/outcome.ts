/** What a move came to, and the table of its rounds. */
import { formatBytes, formatDuration, formatRate } from "../../base/units.js";
import type { LiveResult } from "../../live/live-result.js";
import type { RoundReport } from "../../migrate/report.js";
import { explainStop } from "../../report/stop-reason.js";
import { count, element } from "./dom.js";

export function showNothingYet(into: HTMLElement, secondTab: boolean): void {
  const words = secondTab
    ? "What a move from here came to will stand here."
    : "Start the guest, let it count, then migrate it.";
  into.replaceChildren(element("h2", {}, "Downtime"), element("p", {}, words));
}

export function showOutcome(into: HTMLElement, result: LiveResult): void {
  if (result.outcome !== "target-runs") return showStayed(into, result);
  const { live, verified } = result;
  const rows: [string, Node | string][] = [
    ["Guest stood still", formatDuration(result.blackoutNs - live.verifyNs)],
    ["Total time", formatDuration(result.totalNs)],
    ["Sent", `${count(result.pagesSent)} pages, ${formatBytes(result.bytesSent)}`],
    ["in the pause", `${count(result.stopPages)} pages`],
    ["Rate of the rounds", formatRate(live.roundsBytesPerSec)],
    ["Guest’s share of its thread", percent(live.guestShare)],
    ["Pages equal on arrival", yes(verified.eachPageEqualOnArrival, count(live.checkedPages))],
    [
      "All memory equal",
      yes(verified.allMemoryEqualBeforeCommit, `in ${formatDuration(live.verifyNs)}`),
    ],
  ];
  into.replaceChildren(
    element("h2", {}, "Downtime"),
    element("span", { class: "downtime" }, formatDuration(live.downtimeWithoutVerifyNs)),
    element("p", {}, `${result.name}. The rounds ended: ${explainStop(result.stopReason)}.`),
    element("dl", {}, ...rows.flatMap(([name, value]) => row(name, value))),
  );
}

/** One sentence for who cannot see the page. */
export function sentenceFor({ outcome, stopReason, live }: LiveResult): string {
  switch (outcome) {
    case "target-runs":
      return `Moved: it was down for ${formatDuration(live.downtimeWithoutVerifyNs)}.`;
    case "source-runs":
      return `Not moved (${stopReason}); the guest runs on where it was.`;
    case "in-doubt":
      return "In doubt: permission to run was given and nothing was heard. Nobody runs it here.";
    case "lost":
      return "The guest is lost.";
  }
}

const COLUMNS = ["Round", "Sent", "Pages", "Skipped", "Held", "Time", "Rate", "Dirtied", "CPU"];

export function showRounds(into: HTMLElement, rounds: readonly RoundReport[]): void {
  const head = element("tr", {}, ...COLUMNS.map((name) => element("th", { scope: "col" }, name)));
  const none = element("td", { class: "none", colspan: `${COLUMNS.length}` }, "No round yet.");
  const body = rounds.length === 0 ? [element("tr", {}, none)] : rounds.map(roundRow);
  into.replaceChildren(
    element("table", {}, element("thead", {}, head), element("tbody", {}, ...body)),
  );
}

function roundRow(round: RoundReport): HTMLElement {
  const cells = [
    `${round.round}`,
    formatBytes(round.bytes),
    count(round.pagesSent),
    count(round.pagesSkipped),
    count(round.pagesHeld),
    formatDuration(round.durationNs),
    formatRate(round.bandwidthBytesPerSec),
    round.pagesDirtied < 0 ? "not read" : count(round.pagesDirtied),
    percent(round.cpuShare),
  ];
  return element("tr", {}, ...cells.map((text) => element("td", {}, text)));
}

function showStayed(into: HTMLElement, result: LiveResult): void {
  const said = element("p", { class: result.outcome === "source-runs" ? "" : "no" });
  said.textContent = sentenceFor(result);
  into.replaceChildren(element("h2", {}, "Not moved"), said);
}

function row(name: string, value: Node | string): HTMLElement[] {
  return [element("dt", {}, name), element("dd", {}, value)];
}

function yes(holds: true | undefined, more: string): Node | string {
  return holds ? element("span", { class: "yes" }, `yes, ${more}`) : "not compared";
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

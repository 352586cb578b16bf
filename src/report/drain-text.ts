/** How to drain a host, for people: what each number at a time comes to, and the order that is advised. */
import { formatRate } from "../base/units.js";
import type { Drain, DrainMove, DrainPlan } from "../forecast/advise/index.js";
import { type AdviseTextOptions, labelled, msText, upTo } from "./advise-text.js";
import { PLAIN } from "./palette.js";
import { alignColumns, plural } from "./text.js";

export function drainText(drain: Drain, options: AdviseTextOptions = {}): string {
  const { width = 100, palette = PLAIN, name } = options;
  const { guests, linkBytesPerSec, plans, recommended } = drain;
  const head = [name, plural(guests, "guest"), `a link of ${formatRate(linkBytesPerSec)}`];
  const lines = [palette.bold(head.filter((part) => part !== undefined).join("   ")), ""];
  if (recommended === undefined) return `${lines.join("\n")}nothing to drain\n`;
  const rows = plans.map((plan) => [
    String(plan.atOnce),
    msText(plan.makespanMs),
    msText(plan.worstDowntimeMs),
    plan.failing.map((move) => move.name).join(", ") || "none",
    plan === recommended ? "advised" : "",
  ]);
  const columns = ["at a time", "all done", "longest downtime", "not within what is wanted", ""];
  const [header = "", ...body] = alignColumns(
    [columns, ...rows],
    ["right", "right", "right", "left", "left"],
  );
  lines.push(palette.dim(header), ...body, "", ...orderTable(recommended, palette.dim), "");
  lines.push(
    ...labelled(
      "assumed",
      "equal shares of the link for as many as run, also when fewer are left: all done is an upper " +
        "bound. Times are the 90 % ends of the forecasts.",
      width,
    ),
  );
  for (const [i, move] of recommended.failing.entries()) {
    lines.push(...labelled(i === 0 ? "look at" : "", failWords(move), width));
  }
  return `${lines.join("\n")}\n`;
}

function orderTable({ order }: DrainPlan, dim: (text: string) => string): string[] {
  const rows = order.map(({ name, startMs, endMs, forecast, verdict }) => [
    name,
    msText(startMs),
    msText(endMs),
    upTo(forecast.downtimeMs, msText),
    verdict.meets ? "yes" : "no",
  ]);
  const columns = ["order", "starts", "ends", "downtime (90 %)", "enough"];
  const [header = "", ...body] = alignColumns(
    [columns, ...rows],
    ["left", "right", "right", "right", "left"],
  );
  return [dim(header), ...body];
}

function failWords({ name, forecast, verdict }: DrainMove): string {
  if (!verdict.moves)
    return `${name} does not get over (${forecast.rule}): precopy advise on it alone`;
  const what = verdict.downtime ? "its total time" : "its downtime";
  return `${name} moves, but ${what} is longer than wanted`;
}

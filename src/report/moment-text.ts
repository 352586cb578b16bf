/** When to migrate, for people: the best and the worst stretch of a series, and all of them in a table. */
import { formatDuration, formatRate } from "../base/units.js";
import type { BestMoment, Stretch } from "../forecast/advise/index.js";
import { type AdviseTextOptions, labelled, msText, upTo, wantedWords } from "./advise-text.js";
import { PLAIN } from "./palette.js";
import { alignColumns, percent } from "./text.js";

/** Unix time begins here for readings: what is less is seconds of some clock of its own. */
const UNIX_SEC_LEAST = 1e9;

export function momentText(found: BestMoment, options: AdviseTextOptions = {}): string {
  const { width = 100, palette = PLAIN, name } = options;
  const { best, worst, moments, notes, wanted } = found;
  const head = [name, `${moments.length} moments`, `wanted: ${wantedWords(wanted)}`];
  const lines = [palette.bold(head.filter((part) => part !== undefined).join("   ")), ""];
  const rows = moments.map(({ fromSec, dirtyBytesPerSec, forecast, verdict }) => [
    timeText(fromSec),
    formatRate(Math.round(dirtyBytesPerSec)),
    verdict.meets ? "yes" : "no",
    upTo(forecast.downtimeMs, msText),
    upTo(forecast.totalMs, msText),
  ]);
  const [header = "", ...body] = alignColumns(
    [["from", "dirty rate", "enough", "downtime (90 %)", "total (90 %)"], ...rows],
    ["left", "right", "left"],
  );
  lines.push(palette.dim(header), ...body, "");
  lines.push(...labelled("best", stretchWords(best), width));
  if (worst !== best) lines.push(...labelled("worst", stretchWords(worst), width));
  for (const note of notes) lines.push(...labelled("unknown", note, width));
  return `${lines.join("\n")}\n`;
}

function stretchWords({ fromSec, toSec, meets, margin }: Stretch): string {
  const when = fromSec === toSec ? timeText(fromSec) : `${timeText(fromSec)} to ${timeText(toSec)}`;
  if (!Number.isFinite(margin)) return `${when}: it does not get over`;
  if (meets) return `${when}: within what is wanted, ${percent(Math.max(0, margin))} to spare`;
  return `${when}: beyond what is wanted, at worst ${(1 - margin).toFixed(1)} times as much`;
}

function timeText(sec: number): string {
  if (sec < UNIX_SEC_LEAST || sec > 1e11) return formatDuration(Math.round(sec) * 1e9);
  return `${new Date(sec * 1000).toISOString().slice(0, 16).replace("T", " ")}Z`;
}

/** What `precopy observe` says to people: the guest, what was measured, the forecast, and the end. */
import { formatBytes, formatDuration, formatRate } from "../base/units.js";
import type { Forecast, Range } from "../forecast/index.js";
import type { MigrationSample, RecordedMigration } from "../live/qemu/migration-recorder.js";
import { type DirtyWindow, isMigrating, type QemuFacts } from "../live/qemu/qemu-monitor.js";
import { type Palette, PLAIN } from "./palette.js";
import { alignColumns, count, plural } from "./text.js";

const LABEL_CHARS = 11;
const MIB = 2 ** 20;

export function factsText(facts: QemuFacts, { bold }: Palette = PLAIN): string {
  const { version, guest, status, memoryBytes, vcpus, migration } = facts;
  const { major, minor, micro } = version;
  const cpus = vcpus === undefined ? [] : [plural(vcpus, "VCPU")];
  const head = [
    ...(guest === undefined ? [] : [guest]),
    `QEMU ${major}.${minor}.${micro}`,
    status,
    [formatBytes(memoryBytes), ...cpus].join(", "),
    isMigrating(migration) ? "a migration runs" : "no migration runs",
  ];
  const lines = [bold(head.join("   ")), "", labelled("settings", settingsOf(facts))];
  if (facts.missing.length > 0) lines.push(labelled("unknown", facts.missing.join(", ")));
  return `${lines.join("\n")}\n`;
}

function settingsOf({ parameters, capabilities }: QemuFacts): string {
  const limit = parameters["max-bandwidth"];
  const downtime = parameters["downtime-limit"];
  const parts = [
    ...(typeof limit === "number" ? [`max-bandwidth ${formatRate(limit)}`] : []),
    ...(typeof downtime === "number" ? [`downtime-limit ${formatDuration(downtime * 1e6)}`] : []),
    ...Object.keys(capabilities).filter((name) => capabilities[name] === true),
  ];
  return parts.join(", ");
}

export function windowText({ windowSec, mibPerSec, pages }: DirtyWindow): string {
  const rate = `${formatBytes(mibPerSec * MIB)}/s`;
  const written = `${plural(pages, "page")} written`;
  return `${labelled("measured", `${formatDuration(windowSec * 1e9)}: ${rate}, ${written}`)}\n`;
}

export function forecastText(forecast: Forecast | undefined, words: readonly string[]): string {
  const lines: string[] = [];
  if (forecast === undefined) lines.push(labelled("forecast", "none"));
  else {
    const { converges, rule, throttlePercent } = forecast;
    const { high } = throttlePercent;
    const throttle = high > 0 ? `, throttle up to ${high} %` : "";
    const end = `ends by ${rule}${throttle}`;
    lines.push(labelled("forecast", `converges: ${converges}; ${end}`));
    const rows = FIGURES.map(({ name, format, range }) => [
      name,
      format(range(forecast).middle),
      spanOf(range(forecast), format),
    ]);
    for (const row of alignColumns(rows, ["left"])) lines.push(labelled("", row));
  }
  for (const word of words) lines.push(labelled("", word));
  return `${lines.join("\n")}\n`;
}

interface Figure {
  readonly name: string;
  readonly format: (value: number) => string;
  readonly range: (forecast: Forecast) => Range;
  readonly actual: (run: RecordedMigration) => number | null;
}

const ms = (value: number) => formatDuration(Math.round(value * 1e6));
const bytes = (value: number) =>
  Number.isFinite(value) ? formatBytes(Math.round(value)) : "never";
const whole = (value: number) => (Number.isFinite(value) ? count(Math.round(value)) : "never");

const FIGURES: readonly Figure[] = [
  {
    name: "total time",
    format: ms,
    range: ({ totalMs }) => totalMs,
    actual: ({ reported }) => reported.total_time_ms,
  },
  {
    name: "downtime",
    format: ms,
    range: ({ downtimeMs }) => downtimeMs,
    actual: ({ reported, measured }) => measured.event_blackout_ms ?? reported.downtime_ms,
  },
  {
    name: "on the wire",
    format: bytes,
    range: (forecast) => forecast.bytes,
    actual: ({ reported }) => reported.ram.transferred ?? null,
  },
  {
    name: "readings",
    format: whole,
    range: ({ rounds }) => rounds,
    actual: ({ reported }) => reported.ram["dirty-sync-count"] ?? null,
  },
];

function spanOf({ low, high }: Range, format: (value: number) => string): string {
  const [from, to] = [format(low), format(high)];
  return from === to ? "" : `${from} to ${to}`;
}

/**
 * One line of progress. The forecast's span of the total time stays as it was made, beside the time
 * that has passed: nothing here counts down, so nothing runs backwards.
 */
export function progressLine(sample: MigrationSample, forecast: Forecast | undefined): string {
  const { atMs, status, remainingBytes, bandwidthBytesPerSec, dirtyPagesPerSec } = sample;
  const { expectedDowntimeMs, syncs, throttlePercent } = sample;
  const of = forecast === undefined ? "" : ` of ${spanOrPoint(forecast.totalMs)}`;
  const parts = [
    `${status}  ${formatDuration(Math.round(atMs) * 1e6)}${of}`,
    `${formatBytes(remainingBytes)} left`,
    ...(bandwidthBytesPerSec > 0 ? [formatRate(bandwidthBytesPerSec)] : []),
    ...(dirtyPagesPerSec > 0 ? [`${count(Math.round(dirtyPagesPerSec))} pages/s written`] : []),
    ...(expectedDowntimeMs === undefined ? [] : [`pause ${ms(expectedDowntimeMs)}`]),
    `pass ${syncs}`,
    ...(throttlePercent > 0 ? [`throttle ${throttlePercent} %`] : []),
  ];
  return parts.join("  ");
}

function spanOrPoint(range: Range): string {
  return spanOf(range, ms).replace(" to ", "…") || ms(range.middle);
}

/** What came of it, beside the forecast where there was one. */
export function endText(
  run: RecordedMigration,
  forecast: Forecast | undefined,
  { bold }: Palette = PLAIN,
): string {
  const { outcome, strategy, error } = run;
  const rows = FIGURES.map(({ name, format, range, actual }) => {
    const real = actual(run);
    const said = real === null || real === undefined ? "not told" : format(real);
    if (forecast === undefined) return [name, said];
    return [name, said, format(range(forecast).middle), spanOf(range(forecast), format)];
  });
  const head = forecast === undefined ? ["", "actual"] : ["", "actual", "forecast", "span"];
  const why = error === undefined ? "" : `: ${error}`;
  const lines = alignColumns([head, ...rows], ["left"]).map((line) => `  ${line}`);
  return `\n${bold(`${outcome}${why}   ${strategy}`)}\n${lines.join("\n")}\n`;
}

function labelled(label: string, text: string): string {
  return `${label.padEnd(LABEL_CHARS)}${text}`;
}

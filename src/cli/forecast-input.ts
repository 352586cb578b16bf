/** What `forecast` and `advise` are told, from flags and files, as the input of a forecast. */
import { type Command, InvalidArgumentError } from "commander";
import { PrecopyError } from "../base/errors.js";
import { PAGE_SIZE_BYTES, parseRate, parseSize } from "../base/units.js";
import { type ContentFacts, contentOfProfile } from "../forecast/content-facts.js";
import type { ForecastInput } from "../forecast/forecast.js";
import type { ForecastGuest } from "../forecast/forecast-guest.js";
import { forecastSettings } from "../forecast/forecast-settings.js";
import { forecastInputs, type NamedForecast } from "../forecast/forecast-spec.js";
import type { LoopCosts } from "../forecast/loop-costs.js";
import { type DirtyRateReading, parseRateReadings, ratesGuest } from "../forecast/rates/index.js";
import { CONTENT_PROFILES } from "../guest/content-profiles.js";
import { ETHERNET_TCP_FRAME } from "../model/link.js";
import { asArgument, parseShare, parseTime } from "./flags.js";
import { readGuestFile } from "./forecast-files.js";
import { openScenario } from "./scenario-file.js";
import type { Session } from "./session.js";

export interface ForecastFlags {
  readonly from?: string;
  readonly guest?: string;
  readonly rate?: readonly DirtyRateReading[];
  readonly lenient?: boolean;
  readonly clock?: string;
  readonly instructionRate?: string;
  readonly memory?: number;
  readonly used?: number;
  readonly zero?: number;
  readonly content?: string;
  readonly delta?: number;
  readonly cacheMiss?: number;
  readonly compressed?: number;
  readonly link?: number;
  readonly throughput?: number;
  readonly strategy?: string;
  readonly downtimeLimit?: number;
  readonly timeout?: number;
  readonly deviceState?: number;
  readonly fixedDowntime?: number;
}

/** The options that say what is to be forecast; {@link readForecastInput} reads them. */
export function addForecastOptions(command: Command): Command {
  return command
    .argument("[scenario]", "a scenario whose migrations are meant, in place of the options below")
    .option("--from <file>", "dirty rates as a tool printed them, or a page trace (see below)")
    .option("--guest <name>", "which guest of that file, or of the scenario")
    .option("--rate <points>", "dirty rates by hand: 1s=120MiB/s,5s=20000pages", parsePoints)
    .option("--lenient", "leave out bad lines of the file and count them")
    .option("--clock <clock>", "of a trace: time or instructions")
    .option("--instruction-rate <n>", "of a trace on that clock: instructions a second")
    .option("--memory <size>", "the guest's memory, as in 8GiB", parseBytes)
    .option("--used <size>", "what of it is not zero", parseBytes)
    .option("--zero <share>", "share of it that is zero, as in 40%", parseShare)
    .option("--content <profile>", `what its pages hold: ${profileNames()}`)
    .option("--delta <size>", "mean XBZRLE difference of a page, as in 400B", parseBytes)
    .option("--cache-miss <share>", "of XBZRLE, where a migration has shown it", parseShare)
    .option("--compressed <share>", "what compression leaves of a page, as in 35%", parseShare)
    .option("--link <rate>", "the link's rate, as in 10Gbit/s: 94 % of it is payload", parseLink)
    .option("--throughput <rate>", "what it was measured to carry, instead of --link", parseLink)
    .option("-s, --strategy <name>", "as in pre-copy+kubevirt@qemu102 (default: pre-copy@qemu102)")
    .option("--downtime-limit <time>", "default 300ms, QEMU's own", parseTime)
    .option(
      "--timeout <time>",
      "given up after so long (1h; with a manager: as it says)",
      parseTime,
    )
    .option("--device-state <size>", "CPU and devices (50kB)", parseBytes)
    .option("--fixed-downtime <time>", "downtime that no page causes (1 to 400ms)", parseTime);
}

export const FORECAST_NOTES = `
--from takes what there is: virsh domstats --dirtyrate, QMP query-dirty-rate, QEMU's info
dirty_rate, KubeVirt's metric kubevirt_vmi_dirty_rate_bytes_per_second, a table of windows and rates
(docs/RATES.md), or a page trace. Several windows tell more than one: 1 s and 10 s, say.

A name without @preset is forecast for QEMU 10.2. Of techniques, auto-converge, xbzrle, deflate, zstd,
multifd and the managers are taken into account; @xen, @cloud-hypervisor and others send in rounds.
`;

/**
 * One input a guest, with its name.
 *
 * @throws PrecopyError naming the option that is missing or does not fit
 */
export async function readForecastInput(
  session: Session,
  scenario: string | undefined,
  flags: ForecastFlags,
): Promise<NamedForecast[]> {
  if (scenario !== undefined) return ofScenario(scenario, flags);
  const { guest, name } = await guestOf(session, flags);
  const { link, throughput, downtimeLimit, timeout } = flags;
  if (link === undefined && throughput === undefined) {
    throw new PrecopyError("bad-input", "say how fast the link is: --link 10Gbit/s");
  }
  const { payloadBytes, overheadBytes } = ETHERNET_TCP_FRAME;
  const payload = (link ?? 0) * (payloadBytes / (payloadBytes + overheadBytes));
  const input: ForecastInput = {
    guest,
    content: contentOf(flags),
    linkBytesPerSec: throughput ?? payload,
    linkKnown: throughput === undefined ? "nominal" : "measured",
    strategy: forecastSettings(flags.strategy),
    ...(downtimeLimit !== undefined && { downtimeLimitMs: downtimeLimit / 1e6 }),
    ...(timeout !== undefined && { timeoutMs: timeout / 1e6 }),
    costs: costsOf(flags),
  };
  return [{ name, input }];
}

async function ofScenario(path: string, flags: ForecastFlags): Promise<NamedForecast[]> {
  const { guest, strategy, downtimeLimit, timeout } = flags;
  const { spec, registry } = await openScenario(path, {});
  const all = forecastInputs(spec, registry);
  const named = guest === undefined ? all : all.filter(({ name }) => name === guest);
  if (named.length === 0) {
    const names = all.map(({ name }) => name).join(", ");
    throw new PrecopyError("unknown-name", `no guest "${guest}" moves: ${names} do`, {
      file: path,
    });
  }
  const costs = costsOf(flags);
  return named.map(({ name, input }) => ({
    name,
    input: {
      ...input,
      content: { ...input.content, ...contentOf(flags) },
      costs: { ...input.costs, ...costs },
      ...(strategy !== undefined && { strategy: forecastSettings(strategy) }),
      ...(downtimeLimit !== undefined && { downtimeLimitMs: downtimeLimit / 1e6 }),
      ...(timeout !== undefined && { timeoutMs: timeout / 1e6 }),
    },
  }));
}

interface NamedGuest {
  readonly name: string;
  readonly guest: ForecastGuest;
}

async function guestOf(session: Session, flags: ForecastFlags): Promise<NamedGuest> {
  const { from, rate, memory } = flags;
  if ((from === undefined) === (rate === undefined)) {
    const what = from === undefined ? "give one" : "give only one";
    const ways = "--from FILE, --rate 1s=120MiB/s, or a scenario";
    throw new PrecopyError("bad-input", `what does the guest write? ${what} of ${ways}`);
  }
  const pages = memory === undefined ? undefined : Math.ceil(memory / PAGE_SIZE_BYTES);
  if (rate !== undefined) return { name: "guest", guest: measuredGuest(session, rate, pages) };
  const read = await readGuestFile(from as string, flags);
  if ("trace" in read) {
    const { trace } = read;
    if (pages !== undefined && pages < trace.pages) {
      const what = `--memory has ${pages} pages and the trace ${trace.pages}: give more, or cut it`;
      throw new PrecopyError("bad-input", what, { file: trace.source });
    }
    const guest = { kind: "trace", trace, ...(pages !== undefined && { pages }) } as const;
    return { name: trace.source, guest };
  }
  for (const note of read.notes) session.note(note);
  if (read.skipped.count > 0) session.note(`${read.skipped.count} lines of ${from} are left out`);
  const name = read.readings[0]?.guest ?? (from as string);
  return { name, guest: measuredGuest(session, read.readings, pages) };
}

function measuredGuest(
  session: Session,
  readings: readonly DirtyRateReading[],
  pages: number | undefined,
): ForecastGuest {
  if (pages === undefined) {
    throw new PrecopyError("bad-input", "say how much memory the guest has: --memory 8GiB");
  }
  const { guest, notes } = ratesGuest(readings, pages);
  for (const note of notes) session.note(note);
  return guest;
}

function contentOf(flags: ForecastFlags): Partial<ContentFacts> {
  const { memory, used, zero, content, delta, cacheMiss, compressed } = flags;
  const profile = content === undefined ? {} : contentOfProfile(profileOf(content));
  if (used !== undefined && memory === undefined) {
    throw new PrecopyError("bad-input", "--used is a part of --memory, which is not given");
  }
  if (used !== undefined && used > (memory as number)) {
    throw new PrecopyError("bad-input", `--used is ${used} bytes of ${memory}: give less`);
  }
  const zeroShare = zero ?? (used === undefined ? undefined : 1 - used / (memory as number));
  return {
    ...profile,
    ...(zeroShare !== undefined && { zeroShare }),
    ...(delta !== undefined && { deltaBytes: delta }),
    ...(cacheMiss !== undefined && { deltaMissShare: cacheMiss }),
    ...(compressed !== undefined && { deflateShare: compressed, zstdShare: compressed }),
  };
}

function costsOf({ deviceState, fixedDowntime }: ForecastFlags): Partial<LoopCosts> {
  return {
    ...(deviceState !== undefined && { deviceStateBytes: deviceState }),
    ...(fixedDowntime !== undefined && { stopMs: 0, resumeMs: fixedDowntime / 1e6 }),
  };
}

const profileNames = () => CONTENT_PROFILES.map(({ name }) => name).join(", ");

function profileOf(name: string) {
  const found = CONTENT_PROFILES.find((one) => one.name === name);
  if (found !== undefined) return found;
  throw new PrecopyError("unknown-name", `no content is named "${name}": ${profileNames()} are`);
}

function parsePoints(text: string): DirtyRateReading[] {
  return asArgument(() => parseRateReadings(text));
}

function parseBytes(text: string): number {
  return asArgument(() => parseSize(text));
}

function parseLink(text: string): number {
  const rate = asArgument(() => parseRate(text));
  if (Number.isFinite(rate)) return rate;
  throw new InvalidArgumentError("A link carries so much and no more: write a rate, as 10Gbit/s.");
}

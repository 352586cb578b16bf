/**
 * `virsh domstats --dirtyrate`, of one domain or several, once or repeatedly, with what `virsh
 * domdirtyrate-calc` says before it. Names as libvirt's virDomainStats (VIR_DOMAIN_STATS_DIRTYRATE_*)
 * has them, megabytes are MiB, the period is in seconds, the status a virDomainDirtyRateStatus.
 * Other groups of statistics between them are passed over.
 */
import type { LogSource } from "../logs/log-source.js";
import { stamped, wholeNumber } from "../logs/values.js";
import { DEFAULT_SAMPLE_PAGES, QemuAnswers } from "./qemu-answers.js";
import type { RateImporter } from "./rate-format.js";

export const domstats: RateImporter = {
  name: "domstats",
  title: "virsh domstats --dirtyrate, after virsh domdirtyrate-calc",
  mark: /^\s*dirtyrate\.[a-z_]+=/,
  read(source, draft) {
    const answers = new QemuAnswers(draft);
    for (const block of blocksOf(source)) takeBlock(block, source, answers);
    answers.end();
  },
};

interface Block {
  readonly guest: string | undefined;
  readonly fields: Map<string, { readonly value: string; readonly line: number }>;
}

/** virDomainDirtyRateStatus */
const STATUS = ["unstarted", "measuring", "measured"];
const FIELD = /^([a-z][A-Za-z0-9_.-]{0,200})=(.*)$/;
const PASSED = /^(\$|#|Every |--|Start to calculate domain's memory dirty rate)/;

function blocksOf(source: LogSource): Block[] {
  const blocks: Block[] = [];
  for (const [raw, line] of source.entries()) {
    const text = raw.trim();
    if (text === "" || PASSED.test(text) || stamped(`${text} `)?.rest.trim() === "") continue;
    const domain = /^Domain: '(.+)'$/.exec(text);
    if (domain !== null) {
      blocks.push({ guest: domain[1], fields: new Map() });
      continue;
    }
    const match = FIELD.exec(text);
    if (match === null) {
      source.bad(line, "it is neither \"Domain: 'NAME'\" nor NAME=VALUE");
      continue;
    }
    const [, name, value] = match as unknown as [string, string, string];
    if (!name.startsWith("dirtyrate.")) continue;
    // Without its line "Domain:" an answer begins with its status.
    const isNext = blocks.at(-1)?.fields.has(name) ?? true;
    if (isNext) blocks.push({ guest: blocks.at(-1)?.guest, fields: new Map() });
    blocks.at(-1)?.fields.set(name, { value: value.trim(), line });
  }
  return blocks;
}

function takeBlock({ guest, fields }: Block, source: LogSource, answers: QemuAnswers): void {
  const status = fields.get("dirtyrate.calc_status");
  if (status === undefined) {
    const [first] = fields.values();
    if (first !== undefined) source.bad(first.line, "it has no dirtyrate.calc_status");
    return;
  }
  const number = (name: string) => {
    const field = fields.get(`dirtyrate.${name}`);
    // Nothing that QEMU could measure, or a measurement that has not ended.
    if (field === undefined || field.value === "-1") return field === undefined ? undefined : -1;
    const value = wholeNumber(field.value);
    if (value === undefined) source.bad(field.line, `dirtyrate.${name} cannot be read`);
    return value;
  };
  const mode = fields.get("dirtyrate.calc_mode")?.value;
  answers.take({
    line: status.line,
    guest,
    status: STATUS[wholeNumber(status.value) ?? -1] ?? status.value,
    mode,
    windowSec: number("calc_period"),
    startSec: number("calc_start_time"),
    samplePagesPerGib: DEFAULT_SAMPLE_PAGES,
    mibPerSec: number("megabytes_per_second"),
    vcpus: vcpusOf(fields, number),
  });
}

function vcpusOf(
  fields: Block["fields"],
  number: (name: string) => number | undefined,
): { id: number; mibPerSec: number }[] {
  return [...fields.keys()].flatMap((key) => {
    const match = /^dirtyrate\.(vcpu\.(\d{1,5})\.megabytes_per_second)$/.exec(key);
    const mibPerSec = match === null ? undefined : number(match[1] as string);
    return mibPerSec === undefined ? [] : [{ id: Number(match?.[2]), mibPerSec }];
  });
}

/**
 * The monitor's `info dirty_rate`, once or repeatedly, with what `calc_dirty_rate` says before it,
 * also by way of `virsh qemu-monitor-command --hmp`. Source: hmp_info_dirty_rate in QEMU's
 * migration/dirtyrate.c. Trap: the start time is marked (ms), and is in seconds.
 */
import type { LogSource } from "../logs/log-source.js";
import { stamped, wholeNumber } from "../logs/values.js";
import { QemuAnswers } from "./qemu-answers.js";
import type { RateImporter } from "./rate-format.js";

export const hmp: RateImporter = {
  name: "hmp",
  title: "info dirty_rate of QEMU's monitor",
  mark: /^\s*(Dirty rate: (-?\d+ \(MB\/s\)|\(not ready\))|Sample Pages: \d+ \(per GB\)|Period: \d+ \(sec\))/,
  read(source, draft) {
    const answers = new QemuAnswers(draft);
    for (const block of blocksOf(source)) takeBlock(block, source, answers);
    answers.end();
  },
};

interface Block {
  readonly line: number;
  readonly status: string;
  readonly fields: Map<string, { readonly value: string; readonly line: number }>;
  readonly vcpus: { readonly id: number; readonly mibPerSec: number }[];
}

const PASSED =
  /^(\(qemu\)|\$|#|Every |--|Starting dirty rate measurement|\[Please use 'info dirty_rate')/;
const FIELD = /^(Start Time|Sample Pages|Period|Mode|Dirty rate): (.*)$/;
const VCPU = /^vcpu\[(\d{1,5})\], Dirty rate: (\d{1,15})(?: \(MB\/s\))?$/;

function blocksOf(source: LogSource): Block[] {
  const blocks: Block[] = [];
  for (const [raw, line] of source.entries()) {
    const text = raw.trim();
    if (text === "" || PASSED.test(text) || stamped(`${text} `)?.rest.trim() === "") continue;
    const status = /^Status: ([a-z]+)$/.exec(text);
    if (status !== null) {
      blocks.push({ line, status: status[1] as string, fields: new Map(), vcpus: [] });
      continue;
    }
    const block = blocks.at(-1);
    const field = FIELD.exec(text);
    const vcpu = VCPU.exec(text);
    if (field === null && vcpu === null) source.bad(line, "it is no line of info dirty_rate");
    else if (block === undefined) source.bad(line, 'it stands before the first "Status:"');
    else if (field !== null) block.fields.set(field[1] as string, { value: field[2] ?? "", line });
    else if (vcpu !== null) block.vcpus.push({ id: Number(vcpu[1]), mibPerSec: Number(vcpu[2]) });
  }
  return blocks;
}

function takeBlock(
  { line, status, fields, vcpus }: Block,
  source: LogSource,
  answers: QemuAnswers,
): void {
  const number = (name: string, unit: string) => {
    const field = fields.get(name);
    if (field === undefined || field.value === "(not ready)") return undefined;
    const digits = field.value.endsWith(` ${unit}`)
      ? field.value.slice(0, -unit.length - 1)
      : undefined;
    if (digits === "-1") return -1;
    const value = wholeNumber(digits);
    if (value === undefined) source.bad(field.line, `${name} is no number with ${unit}`);
    return value;
  };
  answers.take({
    line,
    status,
    mode: fields.get("Mode")?.value,
    windowSec: number("Period", "(sec)"),
    startSec: number("Start Time", "(ms)"),
    samplePagesPerGib: number("Sample Pages", "(per GB)"),
    mibPerSec: number("Dirty rate", "(MB/s)"),
    vcpus,
  });
}

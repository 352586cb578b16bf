/**
 * QMP `query-dirty-rate`: one answer, answers a line or pretty-printed one after the other, a list
 * of them, or recorded runs with their `calc_dirty_rate`. Events, the greeting, commands and the
 * answers of other commands are passed over where they stand beside them. Source: DirtyRateInfo in
 * QEMU qapi/migration.json.
 */
import { isObject, type Json, jsonValues } from "../logs/json-values.js";
import { QemuAnswers } from "./qemu-answers.js";
import type { RateDraft } from "./rate-draft.js";
import type { RateImporter } from "./rate-format.js";

export const qmp: RateImporter = {
  name: "qmp",
  title: "QMP query-dirty-rate: one JSON answer, several, or recorded runs",
  mark: /"(dirty-rate|calc-time|vcpu-dirty-rate|mb_per_s)"\s*:|"calc_dirty_rate"\s*:\s*\[/,
  read(source, draft) {
    const reader = new QmpReader(draft);
    for (const { value, line } of jsonValues(source)) reader.take(value, line);
    reader.answers.end();
  },
};

/** What else a monitor says or is asked. */
const PASSED = ["event", "QMP", "execute", "return"];

class QmpReader {
  readonly answers: QemuAnswers;

  constructor(private readonly draft: RateDraft) {
    this.answers = new QemuAnswers(draft);
  }

  take(value: unknown, line: number, guest?: string): void {
    const { source } = this.draft;
    if (!isObject(value)) return source.bad(line, "it is no JSON object");
    if (isObject(value.reported)) return this.run(value, line);
    // An item of a recorded run: the answer itself is in it.
    const answer = [value.return, value.raw].find(isObject) ?? value;
    if ("calc-time" in answer || "dirty-rate" in answer) return this.answer(answer, line, guest);
    if (isObject(value.error)) return this.refused(value.error, line);
    if (!PASSED.some((key) => key in value)) source.bad(line, "it tells no dirty rate");
  }

  /** Of a data set of real QEMU migrations; most of its runs were not measured before. */
  private run(run: Json, line: number): void {
    const list = run.calc_dirty_rate;
    const guest = typeof run.id === "string" ? run.id : undefined;
    for (const one of Array.isArray(list) ? list : []) this.take(one, line, guest);
  }

  private answer(answer: Json, line: number, guest: string | undefined): void {
    const number = (key: string) => this.number(answer, key, line);
    const time = number("calc-time");
    const unit = answer["calc-time-unit"] ?? "second";
    if (unit !== "second" && unit !== "millisecond") {
      return this.draft.source.bad(line, "its calc-time-unit is neither second nor millisecond");
    }
    const vcpus = answer["vcpu-dirty-rate"];
    this.answers.take({
      line,
      guest,
      status: String(answer.status),
      mode: answer.mode === undefined ? undefined : String(answer.mode),
      windowSec: time !== undefined && unit === "millisecond" ? time / 1000 : time,
      startSec: number("start-time"),
      samplePagesPerGib: number("sample-pages"),
      mibPerSec: answer["dirty-rate"] === -1 ? -1 : number("dirty-rate"),
      vcpus: Array.isArray(vcpus) ? vcpus.flatMap((one) => this.vcpu(one, line)) : undefined,
    });
  }

  private vcpu(one: unknown, line: number): { id: number; mibPerSec: number }[] {
    const vcpu = isObject(one) ? one : {};
    const id = this.number(vcpu, "id", line);
    const mibPerSec = this.number(vcpu, "dirty-rate", line);
    if (id !== undefined && mibPerSec !== undefined) return [{ id, mibPerSec }];
    this.draft.source.bad(line, "an entry of vcpu-dirty-rate has no id and dirty-rate");
    return [];
  }

  private refused(error: Json, line: number): void {
    const said = typeof error.desc === "string" ? error.desc.slice(0, 200) : "an error";
    this.draft.note(`line ${line}: QEMU answered "${said}"`);
  }

  private number(answer: Json, key: string, line: number): number | undefined {
    const value = answer[key];
    if (value === undefined || value === null) return undefined;
    if (typeof value === "number" && value >= 0 && value <= Number.MAX_SAFE_INTEGER) return value;
    this.draft.source.bad(line, `its ${key} is no number of 0 to 2^53`);
    return undefined;
  }
}

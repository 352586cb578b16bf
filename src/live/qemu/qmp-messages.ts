/**
 * What a QMP server sends (QEMU docs/interop/qmp-spec.txt): one JSON object after the other, one a
 * line or, with `pretty=on`, over several. Cut out of the stream here, and told apart by their keys.
 */
import { PrecopyError } from "../../base/errors.js";

export type QmpObject = Readonly<Record<string, unknown>>;

/** Answers of the commands used here have some KiB; the largest of QEMU, its schema, has 1 MiB. */
export const MESSAGE_CHARS_MAX = 4 * 2 ** 20;
/** No answer nests so deep: what does is made to overflow a parser. */
const DEPTH_MAX = 64;

/** Cuts text into JSON objects by their brackets, wherever the chunks end. */
export class QmpMessages {
  private text = "";
  private at = 0;
  private depth = 0;
  private quoted = false;
  private escaped = false;

  /** @throws PrecopyError `protocol` for what is no JSON object, or a larger one than the limit. */
  put(chunk: string): QmpObject[] {
    this.text += chunk;
    const found: QmpObject[] = [];
    for (; this.at < this.text.length; this.at++) {
      if (!this.closesWith(this.text.charAt(this.at))) continue;
      found.push(parsed(this.text.slice(0, this.at + 1)));
      this.text = this.text.slice(this.at + 1);
      this.at = -1;
    }
    if (this.text.length > MESSAGE_CHARS_MAX) {
      const limit = `at most ${MESSAGE_CHARS_MAX} are taken`;
      throw notQmp(`a message has more than ${this.text.length} characters and goes on; ${limit}`);
    }
    return found;
  }

  /** Whether this character is the last of an object. */
  private closesWith(character: string): boolean {
    if (this.quoted) {
      if (this.escaped) this.escaped = false;
      else if (character === "\\") this.escaped = true;
      else if (character === '"') this.quoted = false;
      return false;
    }
    if (character === "{" || character === "[") {
      if (++this.depth > DEPTH_MAX) throw notQmp(`a message nests deeper than ${DEPTH_MAX}`);
    }
    if (this.depth === 0) {
      if (/\s/.test(character)) return false;
      throw notQmp(`it sends ${quote(this.text.slice(this.at))}`);
    }
    if (character === '"') this.quoted = true;
    if (character !== "}" && character !== "]") return false;
    return --this.depth === 0;
  }
}

function parsed(text: string): QmpObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw notQmp(`it sends ${quote(text.trim())}, which is no JSON`);
  }
  if (isObject(value)) return value;
  throw notQmp(`it sends ${quote(text.trim())}, which is no JSON object`);
}

export function isObject(value: unknown): value is QmpObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function notQmp(what: string): PrecopyError {
  return new PrecopyError("protocol", what);
}

const QUOTED_CHARS = 60;

/** The beginning of what came. */
export function quote(text: string): string {
  return `"${plain(text.slice(0, QUOTED_CHARS)).trimEnd()}${text.length > QUOTED_CHARS ? "…" : ""}"`;
}

/** Without what a terminal would act on. */
export function plain(text: string): string {
  return text.replace(/\p{Cc}+/gu, " ");
}

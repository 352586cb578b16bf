/**
 * Reading and writing WebAssembly modules as far as wrapping functions takes: sections, LEB128
 * numbers, names, functions with their types and bodies (WebAssembly core specification 1.0,
 * chapter 5). Function indices never move: what is added is added at the end, behind every function
 * that a call or a table may name.
 */
import { PrecopyError } from "../../base/errors.js";

const SECTION = { custom: 0, type: 1, import: 2, function: 3, export: 7, code: 10 } as const;
const HEADER_BYTES = 8;
const MAGIC = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const FUNCTION_KIND = 0;
const FUNCTION_TYPE = 0x60;
const FUNCTION_NAMES = 1;

/** A cursor over bytes; running past the end is a malformed module. */
class Reader {
  at = 0;

  constructor(private readonly bytes: Uint8Array) {}

  get atEnd(): boolean {
    return this.at >= this.bytes.length;
  }

  byte(): number {
    const value = this.bytes[this.at++];
    if (value === undefined) throw malformed("it ends early");
    return value;
  }

  /** Unsigned LEB128 of at most 32 bits. */
  u32(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
    throw malformed("a number takes more than 5 bytes");
  }

  take(length: number): Uint8Array {
    if (this.at + length > this.bytes.length) throw malformed("it ends early");
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  name(): string {
    return new TextDecoder().decode(this.take(this.u32()));
  }
}

/** The type of a function, one byte a value (0x7f: i32). */
export interface FunctionType {
  readonly params: Uint8Array;
  readonly results: Uint8Array;
}

interface Section {
  readonly id: number;
  readonly body: Uint8Array;
}

/** A module taken apart; {@link encode} puts it together again, without its names. */
export class WasmBinary {
  /** Imported functions; the module's own are counted on from them. */
  private readonly imported: number;
  private readonly types: readonly FunctionType[];
  /** Type index and body of each function of the module's own. */
  private readonly typeOf: number[];
  private readonly bodies: Uint8Array[];
  private readonly exported: ReadonlyMap<string, number>;

  private constructor(private readonly sections: readonly Section[]) {
    this.imported = countImportedFunctions(this.section(SECTION.import));
    this.types = readTypes(this.section(SECTION.type));
    this.typeOf = readVector(this.section(SECTION.function), (reader) => reader.u32());
    this.exported = readFunctionExports(this.section(SECTION.export));
    this.bodies = readVector(this.section(SECTION.code), (reader) => reader.take(reader.u32()));
    if (this.typeOf.length !== this.bodies.length) throw malformed("functions lack bodies");
  }

  static parse(bytes: Uint8Array): WasmBinary {
    if (MAGIC.some((byte, i) => bytes[i] !== byte)) throw malformed("it is no module of version 1");
    const reader = new Reader(bytes);
    reader.take(HEADER_BYTES);
    const sections: Section[] = [];
    while (!reader.atEnd) sections.push({ id: reader.byte(), body: reader.take(reader.u32()) });
    return new WasmBinary(sections);
  }

  /** The index of an exported function, or undefined. */
  exportedFunction(name: string): number | undefined {
    return this.exported.get(name);
  }

  /** Indices of the functions whose name, as the name section gives it, matches. */
  functionsNamed(pattern: RegExp): number[] {
    const found: number[] = [];
    for (const { id, body } of this.sections) {
      if (id !== SECTION.custom) continue;
      const reader = new Reader(body);
      if (reader.name() === "name") findNames(reader, pattern, found);
    }
    return found;
  }

  /** The type of a function that is not imported. */
  typeOfFunction(index: number): FunctionType {
    const type = this.types[this.typeIndexOf(index)];
    if (type === undefined) throw malformed(`function ${index} has no type`);
    return type;
  }

  /** Which type it is, as an indirect call names it. */
  typeIndexOf(index: number): number {
    const type = this.typeOf[index - this.imported];
    if (type === undefined) throw malformed(`function ${index} is not its own`);
    return type;
  }

  /**
   * Puts another body in the place of function `index`; `make` gets the index under which the body
   * that was there can be called from now on.
   */
  wrap(index: number, make: (original: number) => readonly number[]): void {
    const own = index - this.imported;
    const body = this.bodies[own];
    if (body === undefined) throw malformed(`function ${index} is not its own`);
    const original = this.imported + this.bodies.push(body) - 1;
    this.typeOf.push(this.typeOf[own] as number);
    this.bodies[own] = Uint8Array.from(make(original));
  }

  /** The module's bytes. Custom sections are left out: the names would be wrong now. */
  encode(): Uint8Array<ArrayBuffer> {
    const parts: Uint8Array[] = [Uint8Array.from(MAGIC)];
    for (const { id, body } of this.sections) {
      if (id === SECTION.custom) continue;
      const fresh = this.rewritten(id) ?? body;
      parts.push(Uint8Array.from([id, ...u32(fresh.length)]), fresh);
    }
    return concat(parts);
  }

  private rewritten(id: number): Uint8Array | undefined {
    if (id === SECTION.function) {
      return concat([this.typeOf.length, ...this.typeOf].map((n) => Uint8Array.from(u32(n))));
    }
    if (id !== SECTION.code) return undefined;
    const parts: Uint8Array[] = [Uint8Array.from(u32(this.bodies.length))];
    for (const body of this.bodies) parts.push(Uint8Array.from(u32(body.length)), body);
    return concat(parts);
  }

  private section(id: number): Uint8Array {
    const found = this.sections.find((section) => section.id === id);
    if (found === undefined) throw malformed(`section ${id} is missing`);
    return found.body;
  }
}

/** Unsigned LEB128. */
export function u32(value: number): number[] {
  const bytes: number[] = [];
  let rest = value >>> 0;
  while (rest >= 128) {
    bytes.push((rest & 127) | 128);
    rest >>>= 7;
  }
  bytes.push(rest);
  return bytes;
}

/** Signed LEB128, as constants in code are. */
export function s32(value: number): number[] {
  const bytes: number[] = [];
  let rest = value | 0;
  for (;;) {
    const byte = rest & 127;
    rest >>= 7;
    if ((rest === 0 && byte < 64) || (rest === -1 && byte >= 64)) return [...bytes, byte];
    bytes.push(byte | 128);
  }
}

function readVector<T>(body: Uint8Array, read: (reader: Reader) => T): T[] {
  const reader = new Reader(body);
  const items: T[] = [];
  for (let left = reader.u32(); left > 0; left--) items.push(read(reader));
  return items;
}

function readTypes(body: Uint8Array): FunctionType[] {
  return readVector(body, (reader) => {
    if (reader.byte() !== FUNCTION_TYPE) throw malformed("a type is not a function's");
    return { params: reader.take(reader.u32()), results: reader.take(reader.u32()) };
  });
}

function countImportedFunctions(body: Uint8Array): number {
  const kinds = readVector(body, (reader) => {
    reader.name();
    reader.name();
    const kind = reader.byte();
    // A function has a type, a table an element type and limits, a memory limits, a global 2 bytes.
    if (kind === FUNCTION_KIND) reader.u32();
    else if (kind === 3) reader.take(2);
    else if (kind === 1 || kind === 2) skipLimits(reader, kind === 1 ? 1 : 0);
    else throw malformed(`an import is of the unknown kind ${kind}`);
    return kind;
  });
  return kinds.filter((kind) => kind === FUNCTION_KIND).length;
}

function skipLimits(reader: Reader, before: number): void {
  reader.take(before);
  const hasMax = (reader.byte() & 1) !== 0;
  reader.u32();
  if (hasMax) reader.u32();
}

function readFunctionExports(body: Uint8Array): Map<string, number> {
  const functions = new Map<string, number>();
  readVector(body, (reader) => {
    const name = reader.name();
    const kind = reader.byte();
    const index = reader.u32();
    if (kind === FUNCTION_KIND) functions.set(name, index);
  });
  return functions;
}

function findNames(reader: Reader, pattern: RegExp, found: number[]): void {
  while (!reader.atEnd) {
    const id = reader.byte();
    const body = reader.take(reader.u32());
    if (id !== FUNCTION_NAMES) continue;
    readVector(body, (names) => {
      const index = names.u32();
      if (pattern.test(names.name())) found.push(index);
    });
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((bytes, part) => bytes + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function malformed(what: string): PrecopyError {
  return new PrecopyError("bad-input", `the WebAssembly module is malformed: ${what}`);
}

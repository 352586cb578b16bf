/**
 * Checks of pages end to end: the source hashes each page as it was read, the target hashes what it
 * is about to write, so that whatever a codec, a cache or a link did to a page is found before the
 * page counts. XXH64 of the content, with the page's number mixed in: a right content in a wrong
 * place is wrong.
 */
import { assert } from "../base/assert.js";
import { PrecopyError } from "../base/errors.js";
import { mix32 } from "../base/random.js";
import { type Kernels, PageContents, type Pointer } from "../kernels/index.js";

const PAGE_BYTES = 4096;
const CHECK_BYTES = 8;

export class PageChecks {
  private readonly contents: PageContents;
  private readonly hashes: Pointer;
  private readonly one: Pointer;

  static arenaBytes(pagesMax: number): number {
    return pagesMax * CHECK_BYTES + PAGE_BYTES + 128;
  }

  constructor(
    private readonly kernels: Kernels,
    private readonly pagesMax: number,
  ) {
    this.contents = new PageContents(kernels);
    this.hashes = kernels.allocate(pagesMax * CHECK_BYTES, "page checks");
    this.one = kernels.allocate(PAGE_BYTES, "page to check");
  }

  /** Of pages whose contents lie from `ptr` on, in the order of the list. */
  of(pages: Uint32Array, ptr: Pointer): BigUint64Array {
    const words = new Uint32Array(pages.length * 2);
    words.set(this.hash(pages, ptr));
    return new BigUint64Array(words.buffer);
  }

  /**
   * Throws `bad-input` unless the staged pages and, where a page was not sent because the target
   * has it, the page as `read` gives it, have these checks; and unless no other page was staged.
   */
  compare(
    expected: { readonly pages: Uint32Array; readonly checks: BigUint64Array },
    staged: { readonly pages: Uint32Array; readonly ptr: Pointer },
    read: (page: number) => Uint8Array,
  ): void {
    const { pages, checks } = expected;
    const wanted = new Uint32Array(checks.buffer, checks.byteOffset, checks.length * 2);
    const found = this.hash(staged.pages, staged.ptr);
    const placeOf = new Map<number, number>();
    staged.pages.forEach((page, i) => {
      placeOf.set(page, i);
    });
    const unsent: number[] = [];
    pages.forEach((page, i) => {
      const place = placeOf.get(page);
      if (place === undefined) unsent.push(i);
      else if (!sameAt(found, place, wanted, i)) throw mismatch(page, "came");
      else placeOf.delete(page);
    });
    for (const page of placeOf.keys()) throw mismatch(page, "came unannounced");
    for (const i of unsent) {
      const page = pages[i] as number;
      this.kernels.bytes(this.one, PAGE_BYTES).set(read(page));
      const here = this.hash(Uint32Array.of(page), this.one);
      if (!sameAt(here, 0, wanted, i)) throw mismatch(page, "was left out as known");
    }
  }

  /** Low and high word of each check. Valid until the next call. */
  private hash(pages: Uint32Array, ptr: Pointer): Uint32Array {
    assert(pages.length <= this.pagesMax, `at most ${this.pagesMax} pages are checked at once`);
    this.contents.hashMany(ptr, pages.length, this.hashes);
    const words = this.kernels.u32(this.hashes, pages.length * 2);
    for (let i = 0; i < pages.length; i++) {
      words[2 * i] = ((words[2 * i] as number) ^ mix32(pages[i] as number)) >>> 0;
    }
    return words;
  }
}

function sameAt(a: Uint32Array, i: number, b: Uint32Array, k: number): boolean {
  return a[2 * i] === b[2 * k] && a[2 * i + 1] === b[2 * k + 1];
}

function mismatch(page: number, how: string): PrecopyError {
  return new PrecopyError(
    "bad-input",
    `page ${page} ${how} and is not what the source read: nothing of its batch was written, ` +
      "the migration has to be started again",
  );
}

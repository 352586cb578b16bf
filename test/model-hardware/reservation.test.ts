/** The book of a host's pages. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MemoryBook } from "../../src/model/reservation.js";

describe("memory book", () => {
  it("sets pages aside until none are free, and takes them back", () => {
    const book = new MemoryBook({ totalPages: 1000 });
    expect(book.reserve("web1", 600)).toBe(true);
    expect(book.freePages).toBe(400);
    expect(book.reserve("db1", 401)).toBe(false);
    expect(book.reserve("db1", 400)).toBe(true);
    expect(book.freePages).toBe(0);
    expect(book.release("web1")).toBe(600);
    expect([...book.reservations()]).toEqual([["db1", 400]]);
  });

  it("leaves the book as it was when it refuses", () => {
    const book = new MemoryBook({ totalPages: 10 });
    book.reserve("a", 4);
    expect(book.reserve("b", 7)).toBe(false);
    expect(book.resize("a", 11)).toBe(false);
    expect(book.has("b")).toBe(false);
    expect(book.pagesOf("a")).toBe(4);
    expect(book.freePages).toBe(6);
  });

  it("resizes both ways", () => {
    const book = new MemoryBook({ totalPages: 10 });
    book.reserve("a", 4);
    expect(book.resize("a", 10)).toBe(true);
    expect(book.freePages).toBe(0);
    expect(book.resize("a", 1)).toBe(true);
    expect(book.freePages).toBe(9);
  });

  it("hands out copies of itself only", () => {
    const book = new MemoryBook({ totalPages: 10 });
    book.reserve("a", 4);
    book.reservations().set("a", 0);
    expect(book.pagesOf("a")).toBe(4);
  });

  it("refuses a second reservation, an unknown owner and odd numbers, with the values", () => {
    const book = new MemoryBook({ totalPages: 10 });
    book.reserve("a", 4);
    expect(() => book.reserve("a", 1)).toThrow("a asks for 1 pages and already holds 4");
    expect(() => book.release("b")).toThrow("b holds no reservation on this host; owners are: a");
    expect(() => book.reserve("b", -1)).toThrow("-1 is not a whole number of pages");
    expect(() => book.reserve("b", 0.5)).toThrow("0.5 is not a whole number of pages");
    expect(() => new MemoryBook({ totalPages: Number.NaN })).toThrow("NaN is not a whole number");
  });

  it("adds up after any sequence of requests", () => {
    const request = fc.record({
      owner: fc.integer({ min: 0, max: 4 }),
      pages: fc.integer({ min: 0, max: 80 }),
    });
    fc.assert(
      fc.property(fc.array(request, { maxLength: 60 }), (requests) => {
        const book = new MemoryBook({ totalPages: 100 });
        for (const { owner, pages } of requests) {
          const freeBefore = book.freePages;
          if (book.has(owner)) {
            const held = book.release(owner);
            expect(book.freePages).toBe(freeBefore + held);
          } else {
            const taken = book.reserve(owner, pages);
            expect(taken).toBe(pages <= freeBefore);
            expect(book.freePages).toBe(freeBefore - (taken ? pages : 0));
          }
          const sum = [...book.reservations().values()].reduce((a, b) => a + b, 0);
          expect(sum + book.freePages).toBe(100);
        }
      }),
    );
  });
});

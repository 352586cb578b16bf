/*
 * A guest for tests of live migration: no BIOS, no paging, one CPU. What it does with its pages is in
 * page-writer.h; it tells of it on the first serial port and answers bytes there.
 *
 * Time is the time-stamp counter at 1 GHz, which is what v86 gives (TSC_RATE in its cpu.rs).
 *
 * Memory: image and stack from 1 MiB, then from 2 MiB the generations (4 bytes a page), Zipf's
 * table (4 bytes a written page, only for that pattern), and the pages on a 4 KiB border.
 */
#include <stdint.h>

#define NAME "tiny"
#define COM1 0x3f8
#define TABLES 0x200000u

extern void on_timer(void);
extern void on_fault(void);

static void put(char c);
static uint64_t now_ns(void);
static void __attribute__((noreturn)) die(const char *why, const char *what);

#include "../page-writer.h"

static inline void out8(uint16_t port, uint8_t value) {
  __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t in8(uint16_t port) {
  uint8_t value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

/* One tick of the time-stamp counter is 1 ns. */
static uint64_t now_ns(void) {
  uint32_t low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  return (uint64_t)high << 32 | low;
}

static void put(char c) {
  while (!(in8(COM1 + 5) & 0x20)) {
  }
  out8(COM1, (uint8_t)c);
}

static void __attribute__((noreturn)) die(const char *why, const char *what) {
  text("tiny error: ");
  text(why);
  text(what);
  put('\n');
  for (;;) __asm__ volatile("cli; hlt");
}

void tiny_fault(void) { die("unexpected interrupt", ""); }

/* The end of the memory that holds 1 MiB, from the boot information's map (section 3.3). */
static uint32_t memory_end(const uint32_t *info) {
  const uint8_t *at = (const uint8_t *)info[12], *end = at + info[11];
  if (!(info[0] & 0x40)) die("no memory map", "");
  while (at < end) {
    const uint32_t *entry = (const uint32_t *)at;
    uint32_t from = entry[1], bytes = entry[4] || from + entry[3] < from ? -from : entry[3];
    if (entry[5] == 1 && from <= 0x100000 && from + bytes - 1 > 0x100000) return from + bytes;
    at += entry[0] + 4;
  }
  die("no memory at 1 MiB", "");
}

static void serial_on(void) {
  out8(COM1 + 1, 0);
  out8(COM1 + 3, 0x80);
  out8(COM1, 1);
  out8(COM1 + 1, 0);
  out8(COM1 + 3, 3);
  out8(COM1 + 2, 1);
}

/* 8259 pair at vectors 0x20 and 0x28 with only the timer let through; 8254 channel 0 in mode 2. */
static void timer_on(void) {
  static uint32_t table[256][2];
  static struct __attribute__((packed)) {
    uint16_t limit;
    uint32_t base;
  } pointer;
  for (uint32_t v = 0; v < 256; v++) {
    uint32_t handler = (uint32_t)(v == 0x20 ? on_timer : on_fault);
    table[v][0] = 0x00080000 | (handler & 0xffff);
    table[v][1] = (handler & 0xffff0000) | 0x8e00;
  }
  pointer.limit = sizeof table - 1;
  pointer.base = (uint32_t)table;
  __asm__ volatile("lidt %0" : : "m"(pointer));
  out8(0x20, 0x11), out8(0xa0, 0x11);
  out8(0x21, 0x20), out8(0xa1, 0x28);
  out8(0x21, 4), out8(0xa1, 2);
  out8(0x21, 1), out8(0xa1, 1);
  out8(0x21, 0xfe), out8(0xa1, 0xff);
  uint32_t count = 1193182u / set.hz;
  out8(0x43, 0x34);
  out8(0x40, (uint8_t)count);
  out8(0x40, (uint8_t)(count >> 8));
}

static void answer(void) {
  while (in8(COM1 + 5) & 1) {
    uint8_t byte = in8(COM1);
    text("tiny pong ");
    number(byte, 1);
    put('\n');
  }
}

void tiny_main(uint32_t magic, const uint32_t *info) {
  serial_on();
  if (magic != 0x2badb002) die("not started by a multiboot loader", "");
  if (info[0] & 4) parse((const char *)info[4]);
  settle();
  uint32_t memory = memory_end(info);
  greet(memory);
  uint32_t first = (TABLES + table_bytes() + PAGE_BYTES - 1) & -PAGE_BYTES;
  if (first + (uint64_t)total_pages * PAGE_BYTES > memory) die("more pages than memory", "");
  begin_writing((uint32_t *)TABLES, (uint8_t *)first);
  timer_on();
  for (;;) {
    answer();
    if (take_turn()) __asm__ volatile("sti; hlt; cli");
  }
}

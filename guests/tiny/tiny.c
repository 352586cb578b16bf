/*
 * A guest for tests of live migration: writes pages in a known pattern, checks each page before it
 * writes it again, and tells on the first serial port what it found. No BIOS, no paging, one CPU.
 *
 * A page carries its number, a generation, 64 payload words (one in each 64-byte line) and a checksum
 * over all of them. The generations are also kept in a table beside the pages: a page that an
 * unfinished migration left old has a good checksum, but not the generation that the table tells.
 *
 * Time is the time-stamp counter at 1 GHz, which is what v86 gives (TSC_RATE in its cpu.rs).
 *
 * Memory: image and stack from 1 MiB, then from 2 MiB the generations (4 bytes a page), Zipf's
 * table (4 bytes a written page, only for that pattern), and the pages on a 4 KiB border.
 */
#include <stdint.h>

#define COM1 0x3f8
#define TICKS_PER_MS 1000000u
#define REPORT_MS 50u
#define CATCH_UP_MS 100u
#define TABLES 0x200000u
#define PAGE_BYTES 4096u
#define PAGE_WORDS 1024u
#define PAYLOAD_WORDS 64u
#define PAGES_MAX 262144u
#define BAD_LINES_MAX 16u

enum { NUMBER, GENERATION, CHECKSUM, PAYLOAD = 5, LINE_WORDS = 16 };
enum { UNIFORM, ZIPF, HOT, SEQUENTIAL, CPU, IDLE, PATTERNS };

static const char *const PATTERN_NAMES[PATTERNS] = {"uniform",    "zipf", "hot",
                                                    "sequential", "cpu",  "idle"};

/* What the command line sets; the names are its keys. */
static struct {
  uint32_t pattern, pages, fill, rate, hot, hotpages, scan, hz, seed;
} set = {UNIFORM, 1000, 1000, 1000, 90, 0, 2000, 100, 1};

static const struct {
  const char *key;
  uint32_t *value, least, most;
} KEYS[] = {
    {"pages", &set.pages, 1, PAGES_MAX},   {"fill", &set.fill, 0, PAGES_MAX},
    {"rate", &set.rate, 0, 10000000},      {"hot", &set.hot, 0, 100},
    {"hotpages", &set.hotpages, 1, PAGES_MAX}, {"scan", &set.scan, 0, 3600000},
    {"hz", &set.hz, 20, 1000},             {"seed", &set.seed, 1, 0xffffffff},
};

static uint32_t *generations, *shares, total_share, total_pages, stride, random_state;
static uint8_t *first_page;
static uint64_t writes, bad, scans;
static uint32_t bad_lines, next_sequential, scan_at, scanning, spun;

extern void on_timer(void);
extern void on_fault(void);

/* --- ports, time, text ------------------------------------------------------------------ */

static inline void out8(uint16_t port, uint8_t value) {
  __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t in8(uint16_t port) {
  uint8_t value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

static inline uint64_t ticks(void) {
  uint32_t low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  return (uint64_t)high << 32 | low;
}

/* 64 by 32 bits without a run-time library. */
static uint64_t divide(uint64_t n, uint32_t by, uint32_t *rest) {
  uint32_t high = (uint32_t)(n >> 32), low, left = high % by;
  __asm__("divl %4" : "=a"(low), "=d"(left) : "a"((uint32_t)n), "d"(left), "r"(by));
  if (rest) *rest = left;
  return (uint64_t)(high / by) << 32 | low;
}

static void put(char c) {
  while (!(in8(COM1 + 5) & 0x20)) {
  }
  out8(COM1, (uint8_t)c);
}

static void text(const char *s) {
  while (*s) put(*s++);
}

static void number(uint64_t n, uint32_t digits) {
  char turned[20];
  uint32_t count = 0, digit;
  do {
    n = divide(n, 10, &digit);
    turned[count++] = (char)('0' + digit);
  } while (n || count < digits);
  while (count) put(turned[--count]);
}

static void field(const char *name, uint64_t value) {
  put(' ');
  text(name);
  put('=');
  number(value, 1);
}

static void __attribute__((noreturn)) die(const char *why, const char *what) {
  text("tiny error: ");
  text(why);
  text(what);
  put('\n');
  for (;;) __asm__ volatile("cli; hlt");
}

void tiny_fault(void) { die("unexpected interrupt", ""); }

/* --- the command line -------------------------------------------------------------------- */

/* Whether `s` starts with `word` and then `end` or the end of a word. */
static int is(const char *s, const char *word, char end) {
  while (*word)
    if (*s++ != *word++) return 0;
  return *s == end || (end == ' ' && *s == 0);
}

static const char *take(const char *s) {
  if (is(s, "pattern", '=')) {
    for (uint32_t p = 0; p < PATTERNS; p++)
      if (is(s + 8, PATTERN_NAMES[p], ' ')) return set.pattern = p, s + 8;
    die("unknown pattern in: ", s);
  }
  for (uint32_t k = 0; k < sizeof KEYS / sizeof *KEYS; k++) {
    if (!is(s, KEYS[k].key, '=')) continue;
    const char *digit = s;
    while (*digit++ != '=') {
    }
    uint64_t value = 0;
    const char *first = digit;
    for (; *digit >= '0' && *digit <= '9' && digit - first < 10; digit++)
      value = value * 10 + (uint32_t)(*digit - '0');
    int whole = digit > first && (*digit == ' ' || *digit == 0);
    if (!whole || value < KEYS[k].least || value > KEYS[k].most) die("not a possible value: ", s);
    *KEYS[k].value = (uint32_t)value;
    return digit;
  }
  die("unknown option: ", s);
}

static void parse(const char *s) {
  while (*s) {
    if (*s != ' ') s = take(s);
    while (*s && *s != ' ') s++;
    while (*s == ' ') s++;
  }
  if (!set.hotpages) set.hotpages = set.pages < 10 ? 1 : set.pages / 10;
  if (set.hotpages > set.pages) die("more hot pages than pages", "");
}

/* --- pages ------------------------------------------------------------------------------- */

static inline uint32_t *page(uint32_t n) { return (uint32_t *)(first_page + n * PAGE_BYTES); }

static uint32_t checksum(const uint32_t *p) {
  uint32_t sum = (0x811c9dc5u ^ p[NUMBER]) * 16777619u;
  sum = (sum ^ p[GENERATION]) * 16777619u;
  for (uint32_t k = 0; k < PAYLOAD_WORDS; k++)
    sum = (sum ^ p[PAYLOAD + k * LINE_WORDS]) * 16777619u;
  return sum;
}

static void store(uint32_t n) {
  uint32_t *p = page(n), generation = ++generations[n];
  uint32_t word = (set.seed ^ n * 2654435761u) + generation * 2246822519u;
  p[NUMBER] = n;
  p[GENERATION] = generation;
  for (uint32_t k = 0; k < PAYLOAD_WORDS; k++) {
    word = word * 1664525u + 1013904223u;
    p[PAYLOAD + k * LINE_WORDS] = word;
  }
  p[CHECKSUM] = checksum(p);
}

static void check(uint32_t n) {
  const uint32_t *p = page(n);
  if (p[NUMBER] == n && p[GENERATION] == generations[n] && p[CHECKSUM] == checksum(p)) return;
  bad++;
  if (bad_lines == BAD_LINES_MAX) return;
  bad_lines++;
  text("tiny bad");
  field("page", n);
  field("holds", p[NUMBER]);
  field("generation", p[GENERATION]);
  field("wanted", generations[n]);
  put('\n');
}

/* --- patterns ---------------------------------------------------------------------------- */

/* Marsaglia, "Xorshift RNGs" (2003), 32 bits: 13, 17, 5. */
static uint32_t draw(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 17;
  random_state ^= random_state << 5;
  return random_state;
}

static uint32_t below(uint32_t limit) { return (uint32_t)((uint64_t)draw() * limit >> 32); }

/* Ranks do not lie side by side: a prime that does not divide the number of pages spreads them. */
static uint32_t spread(uint32_t rank) {
  uint32_t place;
  divide((uint64_t)rank * stride, set.pages, &place);
  return place;
}

/* Zipf with exponent 1: rank r has the weight 2^24 / r; the sum stays below 2^32. */
static void fill_shares(void) {
  for (uint32_t rank = 0; rank < set.pages; rank++) {
    total_share += (1u << 24) / (rank + 1);
    shares[rank] = total_share;
  }
}

static uint32_t zipf_rank(void) {
  uint32_t share = below(total_share), low = 0, high = set.pages - 1;
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    if (shares[middle] > share) high = middle;
    else low = middle + 1;
  }
  return low;
}

static uint32_t next_page(void) {
  if (set.pattern == ZIPF) return spread(zipf_rank());
  if (set.pattern == HOT) return spread(below(below(100) < set.hot ? set.hotpages : set.pages));
  if (set.pattern == UNIFORM) return below(set.pages);
  if (next_sequential == set.pages) next_sequential = 0;
  return next_sequential++;
}

static void write_pages(uint32_t count) {
  while (count--) {
    uint32_t n = next_page();
    check(n);
    store(n);
    writes++;
  }
}

/* --- start ------------------------------------------------------------------------------- */

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

static void place_pages(uint32_t memory) {
  total_pages = set.pages + set.fill;
  uint32_t tables = total_pages * 4 + (set.pattern == ZIPF ? set.pages * 4 : 0);
  generations = (uint32_t *)TABLES;
  shares = generations + total_pages;
  first_page = (uint8_t *)((TABLES + tables + PAGE_BYTES - 1) & -PAGE_BYTES);
  uint64_t end = (uint64_t)(uint32_t)first_page + (uint64_t)total_pages * PAGE_BYTES;
  if (end > memory) die("more pages than memory", "");
  uint32_t rest;
  divide(set.pages, stride = 7919, &rest);
  if (!rest) stride = 7927;
  random_state = set.seed;
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

static void greet(uint32_t memory) {
  text("tiny start pattern=");
  text(PATTERN_NAMES[set.pattern]);
  for (uint32_t k = 0; k < sizeof KEYS / sizeof *KEYS; k++) field(KEYS[k].key, *KEYS[k].value);
  field("memory", memory);
  put('\n');
}

/* --- running ----------------------------------------------------------------------------- */

/* How many writes are due; behind by more than a tenth of a second, the rest is let go. */
static uint32_t writes_due(uint64_t now) {
  static uint64_t last, owed;
  uint32_t second = TICKS_PER_MS * 1000u;
  if (set.pattern == CPU || set.pattern == IDLE) return 0;
  if (set.rate == 0) return 64;
  if (!last) last = now;
  uint64_t passed = now - last;
  last = now;
  if (passed > CATCH_UP_MS * TICKS_PER_MS) passed = CATCH_UP_MS * TICKS_PER_MS;
  owed += passed * set.rate;
  if (owed > (uint64_t)set.rate * (CATCH_UP_MS * TICKS_PER_MS))
    owed = (uint64_t)set.rate * (CATCH_UP_MS * TICKS_PER_MS);
  uint32_t due = (uint32_t)divide(owed, second, 0);
  if (due > 64) due = 64;
  owed -= (uint64_t)due * second;
  return due;
}

/* A scan goes on beside the writes, some pages a turn, so that reports keep their pace. */
static void scan_some(uint64_t now) {
  static uint64_t next;
  if (!set.scan) return;
  if (!next) next = now + (uint64_t)set.scan * TICKS_PER_MS;
  if (!scanning && now >= next) scanning = 1, scan_at = 0;
  for (uint32_t k = 0; scanning && k < 64; k++) {
    check(scan_at++);
    if (scan_at < total_pages) continue;
    scanning = 0;
    scans++;
    next = now + (uint64_t)set.scan * TICKS_PER_MS;
  }
}

static void report(uint64_t now) {
  static uint64_t start, next, count;
  if (!start) start = next = now;
  if (now < next) return;
  next += REPORT_MS * TICKS_PER_MS;
  if (next < now) next = now + REPORT_MS * TICKS_PER_MS;
  text("tiny n=");
  number(++count, 6);
  field("ms", divide(now - start, TICKS_PER_MS, 0));
  field("writes", writes);
  field("scans", scans);
  field("bad", bad);
  put('\n');
}

static void answer(void) {
  while (in8(COM1 + 5) & 1) {
    uint8_t byte = in8(COM1);
    text("tiny pong ");
    number(byte, 1);
    put('\n');
  }
}

static void spin(void) {
  uint32_t value = spun | 1;
  for (uint32_t k = 0; k < 20000; k++) {
    value ^= value << 13;
    value ^= value >> 17;
    value ^= value << 5;
  }
  spun = value;
}

void tiny_main(uint32_t magic, const uint32_t *info) {
  serial_on();
  if (magic != 0x2badb002) die("not started by a multiboot loader", "");
  if (info[0] & 4) parse((const char *)info[4]);
  uint32_t memory = memory_end(info);
  greet(memory);
  place_pages(memory);
  if (set.pattern == ZIPF) fill_shares();
  for (uint32_t n = 0; n < total_pages; n++) generations[n] = 0;
  for (uint32_t n = 0; n < total_pages; n++) store(n);
  timer_on();
  for (;;) {
    uint64_t now = ticks();
    report(now);
    answer();
    scan_some(now);
    uint32_t due = writes_due(now);
    write_pages(due);
    if (set.pattern == CPU) spin();
    else if (!due && !scanning) __asm__ volatile("sti; hlt; cli");
  }
}

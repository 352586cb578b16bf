/*
 * What guests/tiny and guests/linux have in common: writes pages in a known pattern, checks each page
 * before it writes it again, and tells what it found, 20 times a second.
 *
 * A page carries its number, a generation, 64 payload words (one in each 64-byte line) and a checksum
 * over all of them. The generations are also kept in a table beside the pages: a page that an
 * unfinished migration left old has a good checksum, but not the generation that the table tells.
 *
 * The program that includes this gives NAME, put, die and now_ns.
 */
#include <stdint.h>

#define NS_PER_MS 1000000u
#define REPORT_MS 50u
#define CATCH_UP_MS 100u
#define PAGE_BYTES 4096u
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

/* 64 by 32 bits without a run-time library. */
static uint64_t divide(uint64_t n, uint32_t by, uint32_t *rest) {
  uint32_t high = (uint32_t)(n >> 32), low, left = high % by;
  __asm__("divl %4" : "=a"(low), "=d"(left) : "a"((uint32_t)n), "d"(left), "r"(by));
  if (rest) *rest = left;
  return (uint64_t)(high / by) << 32 | low;
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
}

/* After all words were taken. */
static void settle(void) {
  if (!set.hotpages) set.hotpages = set.pages < 10 ? 1 : set.pages / 10;
  if (set.hotpages > set.pages) die("more hot pages than pages", "");
  total_pages = set.pages + set.fill;
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
  text(NAME " bad");
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

/* Room for the tables, bytes: generations, and for Zipf's law the shares. */
static uint32_t table_bytes(void) {
  return total_pages * 4 + (set.pattern == ZIPF ? set.pages * 4 : 0);
}

/* `tables` is zero or not, `pages` on a page border; writes every page once. */
static void begin_writing(uint32_t *tables, uint8_t *pages) {
  uint32_t rest;
  generations = tables;
  shares = generations + total_pages;
  first_page = pages;
  divide(set.pages, stride = 7919, &rest);
  if (!rest) stride = 7927;
  random_state = set.seed;
  if (set.pattern == ZIPF) fill_shares();
  for (uint32_t n = 0; n < total_pages; n++) generations[n] = 0;
  for (uint32_t n = 0; n < total_pages; n++) store(n);
}

static void greet(uint32_t memory) {
  text(NAME " start pattern=");
  text(PATTERN_NAMES[set.pattern]);
  for (uint32_t k = 0; k < sizeof KEYS / sizeof *KEYS; k++) field(KEYS[k].key, *KEYS[k].value);
  field("memory", memory);
  put('\n');
}

/* --- running ----------------------------------------------------------------------------- */

/* How many writes are due; behind by more than a tenth of a second, the rest is let go. */
static uint32_t writes_due(uint64_t now) {
  static uint64_t last, owed;
  uint32_t second = NS_PER_MS * 1000u;
  if (set.pattern == CPU || set.pattern == IDLE) return 0;
  if (set.rate == 0) return 64;
  if (!last) last = now;
  uint64_t passed = now - last;
  last = now;
  if (passed > CATCH_UP_MS * NS_PER_MS) passed = CATCH_UP_MS * NS_PER_MS;
  owed += passed * set.rate;
  if (owed > (uint64_t)set.rate * (CATCH_UP_MS * NS_PER_MS))
    owed = (uint64_t)set.rate * (CATCH_UP_MS * NS_PER_MS);
  uint32_t due = (uint32_t)divide(owed, second, 0);
  if (due > 64) due = 64;
  owed -= (uint64_t)due * second;
  return due;
}

/* A scan goes on beside the writes, some pages a turn, so that reports keep their pace. */
static void scan_some(uint64_t now) {
  static uint64_t next;
  if (!set.scan) return;
  if (!next) next = now + (uint64_t)set.scan * NS_PER_MS;
  if (!scanning && now >= next) scanning = 1, scan_at = 0;
  for (uint32_t k = 0; scanning && k < 64; k++) {
    check(scan_at++);
    if (scan_at < total_pages) continue;
    scanning = 0;
    scans++;
    next = now + (uint64_t)set.scan * NS_PER_MS;
  }
}

static void report(uint64_t now) {
  static uint64_t start, next, count;
  if (!start) start = next = now;
  if (now < next) return;
  next += REPORT_MS * NS_PER_MS;
  if (next < now) next = now + REPORT_MS * NS_PER_MS;
  text(NAME " n=");
  number(++count, 6);
  field("ms", divide(now - start, NS_PER_MS, 0));
  field("writes", writes);
  field("scans", scans);
  field("bad", bad);
  put('\n');
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

/* Some work, checks and a report where they are due; whether nothing is left to do by now. */
static int take_turn(void) {
  uint64_t now = now_ns();
  report(now);
  scan_some(now);
  uint32_t due = writes_due(now);
  write_pages(due);
  if (set.pattern != CPU) return !due && !scanning;
  spin();
  return 0;
}

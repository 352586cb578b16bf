/*
 * A guest that writes pages, in plain C: every access is drawn and marked at once (dirty bit, count
 * of first writes, version). The counterpart of assembly/workload.ts, zipf.ts and guest.ts.
 * Input: the four words of xoshiro128**, then for zipf the alias table of {threshold, alias}.
 * Numbers: pages, accesses, hot pages, hot threshold.
 */
#include <string.h>

#include "bench.h"

struct column {
  uint32_t threshold;
  uint32_t alias;
};

static const uint32_t *seed;
static const struct column *table;
static uint32_t pages;
static size_t accesses;
static uint32_t hot_pages;
static uint64_t hot_threshold;
static uint32_t s0, s1, s2, s3;
static uint32_t *dirty;
static uint32_t *versions;
static uint32_t fresh;

static void open_guest(const struct input *input) {
  seed = (const uint32_t *)input->data;
  table = (const struct column *)(input->data + 16);
  pages = (uint32_t)input->args[0];
  accesses = input->args[1];
  hot_pages = (uint32_t)input->args[2];
  hot_threshold = input->args[3];
  dirty = allocate(pages / 8);
  versions = allocate(pages * 4);
}

static void restart(void) {
  s0 = seed[0];
  s1 = seed[1];
  s2 = seed[2];
  s3 = seed[3];
  memset(dirty, 0, pages / 8);
  memset(versions, 0, pages * 4);
  fresh = 0;
}

static inline uint32_t rotate(uint32_t x, int k) { return x << k | x >> (32 - k); }

static inline uint32_t draw(void) {
  uint32_t result = rotate(s1 * 5, 7) * 9;
  uint32_t t = s1 << 9;
  s2 ^= s0;
  s3 ^= s1;
  s1 ^= s2;
  s0 ^= s3;
  s2 ^= t;
  s3 = rotate(s3, 11);
  return result;
}

static inline uint32_t below(uint32_t n) { return (uint32_t)((uint64_t)draw() * n >> 32); }

/* Returns 1 for the first write since the bit was cleared. */
static inline uint32_t write_page(uint32_t page) {
  uint32_t bit = 1u << (page % 32);
  uint32_t before = dirty[page / 32];
  dirty[page / 32] = before | bit;
  versions[page]++;
  return (before & bit) == 0;
}

static void run_uniform(void) {
  uint32_t first = 0;
  for (size_t i = 0; i < accesses; i++) first += write_page(below(pages));
  fresh = first;
}

static void run_zipf(void) {
  uint32_t first = 0;
  for (size_t i = 0; i < accesses; i++) {
    uint32_t column = below(pages);
    uint32_t level = draw();
    first += write_page(level < table[column].threshold ? column : table[column].alias);
  }
  fresh = first;
}

static void run_hot_cold(void) {
  uint32_t first = 0;
  for (size_t i = 0; i < accesses; i++) {
    int hot = draw() < hot_threshold;
    uint32_t range = hot ? hot_pages : pages - hot_pages;
    first += write_page((hot ? 0 : hot_pages) + below(range));
  }
  fresh = first;
}

static uint32_t digest_guest(void) {
  uint32_t hash = fnv(FNV_START, &fresh, 1);
  hash = fnv(hash, dirty, pages / 32);
  return fnv(hash, versions, pages);
}

/* A migration reads and clears the log meanwhile: only the versions can be compared. */
static uint32_t digest_versions(void) { return fnv(FNV_START, versions, pages); }

const struct bench_case workload_cases[] = {
    {"workload-uniform", open_guest, restart, run_uniform, digest_guest},
    {"workload-zipf", open_guest, restart, run_zipf, digest_guest},
    {"workload-hot-cold", open_guest, restart, run_hot_cold, digest_guest},
    {"zipf-writer", open_guest, restart, run_zipf, digest_versions},
    {NULL, NULL, NULL, NULL, NULL},
};

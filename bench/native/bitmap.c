/*
 * Page bitmaps in plain C: set algebra with counts, harvest, page numbers, runs. The counterpart of
 * assembly/bitmap.ts and bitmap-scan.ts. Input: set algebra and harvest, bitmap a, bitmap b; lists,
 * the bitmaps of some guests. Numbers: words of 64 bits a bitmap, guests.
 */
#include <string.h>

#include "bench.h"

static const uint64_t *a;
static const uint64_t *b;
static size_t words;
static size_t guests;
static uint64_t *live;  /* the dirty log that a harvest empties */
static uint64_t *out;
static uint32_t *pages; /* page numbers, or first and end of runs */
static size_t listed;
static uint32_t count;

static void open_bitmaps(const struct input *input) {
  words = input->args[0];
  a = (const uint64_t *)input->data;
  b = a + words;
  live = allocate(words * 8);
  out = allocate(words * 8);
}

static void open_list(const struct input *input) {
  words = input->args[0];
  guests = input->args[1];
  a = (const uint64_t *)input->data;
  pages = allocate((words * 64 + 2) * 4);
}

static void run_count(void) {
  uint64_t sum = 0;
  for (size_t i = 0; i < words; i++) sum += (uint64_t)__builtin_popcountll(a[i]);
  count = (uint32_t)sum;
}

static void run_or(void) {
  uint64_t sum = 0;
  for (size_t i = 0; i < words; i++) {
    uint64_t w = a[i] | b[i];
    out[i] = w;
    sum += (uint64_t)__builtin_popcountll(w);
  }
  count = (uint32_t)sum;
}

static void run_and(void) {
  uint64_t sum = 0;
  for (size_t i = 0; i < words; i++) {
    uint64_t w = a[i] & b[i];
    out[i] = w;
    sum += (uint64_t)__builtin_popcountll(w);
  }
  count = (uint32_t)sum;
}

static void run_and_not(void) {
  uint64_t sum = 0;
  for (size_t i = 0; i < words; i++) {
    uint64_t w = a[i] & ~b[i];
    out[i] = w;
    sum += (uint64_t)__builtin_popcountll(w);
  }
  count = (uint32_t)sum;
}

static void refill(void) { memcpy(live, a, words * 8); }

static void run_harvest(void) {
  uint64_t sum = 0;
  for (size_t i = 0; i < words; i++) {
    uint64_t w = live[i];
    out[i] = w;
    live[i] = 0;
    sum += (uint64_t)__builtin_popcountll(w);
  }
  count = (uint32_t)sum;
}

static size_t to_pages(const uint64_t *bits) {
  uint32_t *at = pages;
  for (size_t i = 0; i < words; i++) {
    for (uint64_t w = bits[i]; w != 0; w &= w - 1) {
      *at++ = (uint32_t)(i * 64) + (uint32_t)__builtin_ctzll(w);
    }
  }
  return (size_t)(at - pages);
}

static size_t to_runs(const uint64_t *bits) {
  uint32_t *at = pages;
  uint64_t carry = 0;
  for (size_t i = 0; i < words; i++) {
    uint64_t w = bits[i];
    uint64_t edges = w ^ ((w << 1) | carry);
    carry = w >> 63;
    for (; edges != 0; edges &= edges - 1) {
      *at++ = (uint32_t)(i * 64) + (uint32_t)__builtin_ctzll(edges);
    }
  }
  if (carry != 0) *at++ = (uint32_t)(words * 64);
  return (size_t)(at - pages);
}

/* The list is that of the last guest, the count that of all. */
static void run_to_pages(void) {
  uint32_t sum = 0;
  for (size_t g = 0; g < guests; g++) {
    listed = to_pages(a + g * words);
    sum += (uint32_t)listed;
  }
  count = sum;
}

static void run_runs(void) {
  uint32_t sum = 0;
  for (size_t g = 0; g < guests; g++) {
    listed = to_runs(a + g * words);
    sum += (uint32_t)(listed / 2);
  }
  count = sum;
}

static uint32_t digest_count(void) { return fnv(FNV_START, &count, 1); }

static uint32_t digest_out(void) { return fnv(digest_count(), (const uint32_t *)out, words * 2); }

static uint32_t digest_list(void) { return fnv(digest_count(), pages, listed); }

const struct bench_case bitmap_cases[] = {
    {"bitmap-count", open_bitmaps, NULL, run_count, digest_count},
    {"bitmap-or", open_bitmaps, NULL, run_or, digest_out},
    {"bitmap-and", open_bitmaps, NULL, run_and, digest_out},
    {"bitmap-and-not", open_bitmaps, NULL, run_and_not, digest_out},
    {"bitmap-harvest", open_bitmaps, refill, run_harvest, digest_out},
    {"bitmap-to-pages", open_list, NULL, run_to_pages, digest_list},
    {"bitmap-runs", open_list, NULL, run_runs, digest_list},
    {NULL, NULL, NULL, NULL, NULL},
};

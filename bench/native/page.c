/*
 * Contents of 4 KiB pages in plain C: all zero, equal, XXH64. The counterpart of assembly/page.ts.
 * Input: pages a, pages b. Numbers: how many of each.
 */
#include <string.h>

#include "bench.h"

#define PAGE_BYTES 4096
#define PAGE_WORDS (PAGE_BYTES / 8)

static const uint64_t *a;
static const uint64_t *b;
static size_t count;
static uint32_t *mask;
static uint64_t *hashes;

static void open_pages(const struct input *input) {
  count = input->args[0];
  a = (const uint64_t *)input->data;
  b = a + count * PAGE_WORDS;
  mask = allocate(count * 4);
  hashes = allocate(count * 8);
}

static int is_zero(const uint64_t *page) {
  for (size_t i = 0; i < PAGE_WORDS; i += 16) {
    uint64_t any = 0;
    for (size_t k = 0; k < 16; k++) any |= page[i + k];
    if (any != 0) return 0;
  }
  return 1;
}

static void run_zero(void) {
  for (size_t i = 0; i < count; i++) mask[i] = (uint32_t)is_zero(a + i * PAGE_WORDS);
}

static void run_differing(void) {
  for (size_t i = 0; i < count; i++) {
    mask[i] = memcmp(a + i * PAGE_WORDS, b + i * PAGE_WORDS, PAGE_BYTES) != 0;
  }
}

static const uint64_t PRIME_1 = 0x9e3779b185ebca87ull;
static const uint64_t PRIME_2 = 0xc2b2ae3d27d4eb4full;
static const uint64_t PRIME_3 = 0x165667b19e3779f9ull;
static const uint64_t PRIME_4 = 0x85ebca77c2b2ae63ull;

static uint64_t rotate(uint64_t x, int k) { return x << k | x >> (64 - k); }

static uint64_t mix(uint64_t lane, uint64_t word) {
  return rotate(lane + word * PRIME_2, 31) * PRIME_1;
}

static uint64_t xxh64(const uint64_t *page) {
  uint64_t v[4] = {PRIME_1 + PRIME_2, PRIME_2, 0, 0 - PRIME_1};
  for (size_t i = 0; i < PAGE_WORDS; i += 4) {
    for (size_t k = 0; k < 4; k++) v[k] = mix(v[k], page[i + k]);
  }
  uint64_t h = rotate(v[0], 1) + rotate(v[1], 7) + rotate(v[2], 12) + rotate(v[3], 18);
  for (size_t k = 0; k < 4; k++) h = (h ^ mix(0, v[k])) * PRIME_1 + PRIME_4;
  h += PAGE_BYTES;
  h = (h ^ h >> 33) * PRIME_2;
  h = (h ^ h >> 29) * PRIME_3;
  return h ^ h >> 32;
}

static void run_hash(void) {
  for (size_t i = 0; i < count; i++) hashes[i] = xxh64(a + i * PAGE_WORDS);
}

static uint32_t digest_mask(void) { return fnv(FNV_START, mask, count); }

static uint32_t digest_hashes(void) { return fnv(FNV_START, (const uint32_t *)hashes, count * 2); }

const struct bench_case page_cases[] = {
    {"page-zero", open_pages, NULL, run_zero, digest_mask},
    {"page-differing", open_pages, NULL, run_differing, digest_mask},
    {"page-hash", open_pages, NULL, run_hash, digest_hashes},
    {NULL, NULL, NULL, NULL, NULL},
};

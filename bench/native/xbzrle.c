/*
 * XBZRLE deltas of 4 KiB pages in plain C, eight bytes a step. The counterpart of assembly/xbzrle.ts.
 * Input: pages a, pages b. Numbers: how many of each.
 */
#include <string.h>

#include "bench.h"

#define PAGE_BYTES 4096

static const uint8_t *a;
static const uint8_t *b;
static size_t count;
static uint8_t *deltas;
static int32_t *lengths;

static void open_pages(const struct input *input) {
  count = input->args[0];
  a = input->data;
  b = a + count * PAGE_BYTES;
  deltas = allocate(count * PAGE_BYTES);
  lengths = allocate(count * 4);
}

static uint64_t word(const uint8_t *p) {
  uint64_t w;
  memcpy(&w, p, 8);
  return w;
}

static size_t end_of_equal(const uint8_t *x, const uint8_t *y, size_t at) {
  for (; at + 8 <= PAGE_BYTES; at += 8) {
    const uint64_t differs = word(x + at) ^ word(y + at);
    if (differs != 0) return at + (size_t)(__builtin_ctzll(differs) >> 3);
  }
  while (at < PAGE_BYTES && x[at] == y[at]) at++;
  return at;
}

static size_t end_of_differing(const uint8_t *x, const uint8_t *y, size_t at) {
  const uint64_t ones = 0x0101010101010101ull;
  for (; at + 8 <= PAGE_BYTES; at += 8) {
    const uint64_t differs = word(x + at) ^ word(y + at);
    const uint64_t zeros = (differs - ones) & ~differs & (ones << 7);
    if (zeros != 0) return at + (size_t)(__builtin_ctzll(zeros) >> 3);
  }
  while (at < PAGE_BYTES && x[at] != y[at]) at++;
  return at;
}

static size_t put_length(uint8_t *out, size_t value) {
  if (value < 128) {
    out[0] = (uint8_t)value;
    return 1;
  }
  out[0] = (uint8_t)(value | 128);
  out[1] = (uint8_t)(value >> 7);
  return 2;
}

static int32_t encode(const uint8_t *x, const uint8_t *y, uint8_t *out) {
  size_t at = 0, d = 0;
  while (at < PAGE_BYTES) {
    if (d + 2 > PAGE_BYTES) return -1;
    const size_t changed = end_of_equal(x, y, at);
    if (changed == PAGE_BYTES) return (int32_t)d;
    d += put_length(out + d, changed - at);
    if (d + 2 > PAGE_BYTES) return -1;
    at = end_of_differing(x, y, changed);
    d += put_length(out + d, at - changed);
    if (d + at - changed > PAGE_BYTES) return -1;
    memcpy(out + d, y + changed, at - changed);
    d += at - changed;
  }
  return (int32_t)d;
}

static void run_encode(void) {
  for (size_t i = 0; i < count; i++) {
    const size_t at = i * PAGE_BYTES;
    lengths[i] = encode(a + at, b + at, deltas + at);
  }
}

static uint32_t digest(void) {
  uint32_t hash = FNV_START;
  for (size_t i = 0; i < count; i++) {
    const uint32_t length = (uint32_t)lengths[i];
    hash = fnv(hash, &length, 1);
    for (int32_t k = 0; k < lengths[i]; k++) {
      const uint32_t byte = deltas[i * PAGE_BYTES + (size_t)k];
      hash = fnv(hash, &byte, 1);
    }
  }
  return hash;
}

const struct bench_case xbzrle_cases[] = {
    {"xbzrle-encode", open_pages, NULL, run_encode, digest},
    {NULL, NULL, NULL, NULL, NULL},
};

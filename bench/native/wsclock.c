/*
 * WSClock in plain C, one page at a time: the sweep of a whole ring and the clock interrupt. The
 * counterpart of assembly/wsclock.ts. A byte each for R and M, a word for the time of last use.
 * Input: bits R, bits M, times of last use. Numbers: pages, now, tau.
 */
#include <string.h>

#include "bench.h"

#define AGE_CAP 0x40000000u
#define BUCKETS 1600

static size_t pages;
static uint32_t now;
static uint32_t tau;
static uint8_t *referenced_before;
static const uint32_t *last_before;
static uint8_t *referenced;
static uint8_t *modified;
static uint32_t *last;
static uint8_t *history;
static uint32_t *clean;
static uint32_t *dirty;
static struct {
  uint64_t count;
  uint64_t sum;
} past[BUCKETS];

static struct {
  uint32_t clean;
  uint32_t dirty;
  uint32_t in_working_set;
} found;
static uint32_t ticked;

static uint8_t *spread(const uint8_t *bits) {
  uint8_t *bytes = allocate(pages);
  for (size_t i = 0; i < pages; i++) bytes[i] = (bits[i / 8] >> (i % 8)) & 1;
  return bytes;
}

static void open_ring(const struct input *input) {
  pages = input->args[0];
  now = (uint32_t)input->args[1];
  tau = (uint32_t)input->args[2];
  referenced_before = spread(input->data);
  modified = spread(input->data + pages / 8);
  last_before = (const uint32_t *)(input->data + pages / 8 * 2);
  referenced = allocate(pages);
  last = allocate(pages * 4);
  history = allocate(pages);
  clean = allocate(pages * 4);
  dirty = allocate(pages * 4);
}

static void restore(void) {
  memcpy(referenced, referenced_before, pages);
  memcpy(last, last_before, pages * 4);
  memset(history, 0, pages);
}

static void run_sweep(void) {
  uint32_t victims = 0;
  uint32_t writes = 0;
  uint32_t members = 0;
  for (size_t page = 0; page < pages; page++) {
    if (referenced[page]) {
      referenced[page] = 0;
      last[page] = now;
      members++;
    } else if (now - last[page] <= tau) {
      members++;
    } else if (modified[page]) {
      dirty[writes++] = (uint32_t)page;
    } else {
      clean[victims++] = (uint32_t)page;
    }
  }
  found.clean = victims;
  found.dirty = writes;
  found.in_working_set = members;
}

/* 64 buckets a power of two. */
static void record_interval(uint32_t age) {
  if (age >= AGE_CAP) return;
  uint32_t bucket = age;
  if (age >= 64) {
    uint32_t octave = 31 - (uint32_t)__builtin_clz(age);
    bucket = ((octave - 5) << 6) + ((age >> (octave - 6)) & 63);
  }
  past[bucket].count++;
  past[bucket].sum += age;
}

static void run_tick(void) {
  uint32_t seen = 0;
  for (size_t page = 0; page < pages; page++) {
    uint8_t r = referenced[page];
    history[page] = (uint8_t)(history[page] >> 1 | r << 7);
    if (r) {
      record_interval(now - last[page]);
      last[page] = now;
      referenced[page] = 0;
      seen++;
    }
  }
  ticked = seen;
}

static uint32_t digest_sweep(void) {
  uint32_t hash = fnv(FNV_START, (const uint32_t *)&found, 3);
  hash = fnv(hash, clean, found.clean);
  hash = fnv(hash, dirty, found.dirty);
  return fnv(hash, last, pages);
}

static uint32_t digest_tick(void) {
  uint32_t hash = fnv(FNV_START, &ticked, 1);
  hash = fnv(hash, last, pages);
  return fnv(hash, (const uint32_t *)history, pages / 4);
}

const struct bench_case wsclock_cases[] = {
    {"wsclock-sweep", open_ring, restore, run_sweep, digest_sweep},
    {"wsclock-tick", open_ring, restore, run_tick, digest_tick},
    {NULL, NULL, NULL, NULL, NULL},
};

/*
 * WSClock in plain C, one page at a time: the sweep of a whole ring and the clock interrupt. The
 * counterpart of assembly/wsclock.ts. A byte each for R and M, a word for the time of last use.
 * Input, for the rings of some guests one behind the other: bits R, bits M, times of last use.
 * Numbers: pages of a ring, now, tau, guests.
 */
#include <string.h>

#include "bench.h"

#define AGE_CAP 0x40000000u
#define BUCKETS 1600

static size_t pages;  /* of one ring */
static size_t guests;
static size_t all;    /* pages of all rings */
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
  uint8_t *bytes = allocate(all);
  for (size_t i = 0; i < all; i++) bytes[i] = (bits[i / 8] >> (i % 8)) & 1;
  return bytes;
}

static void open_ring(const struct input *input) {
  pages = input->args[0];
  now = (uint32_t)input->args[1];
  tau = (uint32_t)input->args[2];
  guests = input->args[3];
  all = pages * guests;
  referenced_before = spread(input->data);
  modified = spread(input->data + all / 8);
  last_before = (const uint32_t *)(input->data + all / 8 * 2);
  referenced = allocate(all);
  last = allocate(all * 4);
  history = allocate(all);
  clean = allocate(pages * 4);
  dirty = allocate(pages * 4);
}

static void restore(void) {
  memcpy(referenced, referenced_before, all);
  memcpy(last, last_before, all * 4);
  memset(history, 0, all);
}

static void sweep(uint8_t *r, const uint8_t *m, uint32_t *used) {
  uint32_t victims = 0;
  uint32_t writes = 0;
  uint32_t members = 0;
  for (size_t page = 0; page < pages; page++) {
    if (r[page]) {
      r[page] = 0;
      used[page] = now;
      members++;
    } else if (now - used[page] <= tau) {
      members++;
    } else if (m[page]) {
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

static uint32_t tick(uint8_t *r, uint32_t *used, uint8_t *past_r) {
  uint32_t seen = 0;
  for (size_t page = 0; page < pages; page++) {
    past_r[page] = (uint8_t)(past_r[page] >> 1 | r[page] << 7);
    if (r[page]) {
      record_interval(now - used[page]);
      used[page] = now;
      r[page] = 0;
      seen++;
    }
  }
  return seen;
}

static void run_sweep(void) {
  for (size_t g = 0; g < all; g += pages) sweep(referenced + g, modified + g, last + g);
}

static void run_tick(void) {
  uint32_t seen = 0;
  for (size_t g = 0; g < all; g += pages) seen += tick(referenced + g, last + g, history + g);
  ticked = seen;
}

/* The lists are those of the last guest. */
static uint32_t digest_sweep(void) {
  uint32_t hash = fnv(FNV_START, (const uint32_t *)&found, 3);
  hash = fnv(hash, clean, found.clean);
  hash = fnv(hash, dirty, found.dirty);
  return fnv(hash, last, all);
}

static uint32_t digest_tick(void) {
  uint32_t hash = fnv(FNV_START, &ticked, 1);
  hash = fnv(hash, last, all);
  return fnv(hash, (const uint32_t *)history, all / 4);
}

const struct bench_case wsclock_cases[] = {
    {"wsclock-sweep", open_ring, restore, run_sweep, digest_sweep},
    {"wsclock-tick", open_ring, restore, run_tick, digest_tick},
    {NULL, NULL, NULL, NULL, NULL},
};

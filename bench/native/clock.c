/*
 * Clock (second chance) in plain C. The counterpart of assembly/clock.ts. Input: the pages used, u32
 * each. Numbers: pages, frames, uses.
 */
#include <string.h>

#include "bench.h"

#define ABSENT 0xffffffffu

static const uint32_t *uses;
static size_t use_count;
static uint32_t pages;
static uint32_t frames;
static uint32_t *frame_of;
static uint32_t *page_in;
static uint8_t *referenced;
static uint64_t *resident;
static uint32_t hand;
static uint32_t used;
static uint32_t hits;

static void open_clock(const struct input *input) {
  uses = (const uint32_t *)input->data;
  pages = (uint32_t)input->args[0];
  frames = (uint32_t)input->args[1];
  use_count = input->args[2];
  frame_of = allocate(pages * 4);
  page_in = allocate(frames * 4);
  referenced = allocate(frames);
  resident = allocate(pages / 8);
}

static void empty(void) {
  memset(frame_of, 0xff, pages * 4);
  hand = 0;
  used = 0;
}

static uint32_t next_frame(void) {
  if (used < frames) return used++;
  while (referenced[hand]) {
    referenced[hand] = 0;
    hand = hand + 1 == frames ? 0 : hand + 1;
  }
  uint32_t frame = hand;
  hand = hand + 1 == frames ? 0 : hand + 1;
  frame_of[page_in[frame]] = ABSENT;
  return frame;
}

static void run_access(void) {
  uint32_t found = 0;
  for (size_t i = 0; i < use_count; i++) {
    uint32_t page = uses[i];
    uint32_t frame = frame_of[page];
    if (frame != ABSENT) {
      referenced[frame] = 1;
      found++;
      continue;
    }
    frame = next_frame();
    frame_of[page] = frame;
    page_in[frame] = page;
    referenced[frame] = 1;
  }
  hits = found;
}

static uint32_t digest(void) {
  memset(resident, 0, pages / 8);
  for (uint32_t frame = 0; frame < used; frame++) {
    resident[page_in[frame] / 64] |= 1ull << (page_in[frame] % 64);
  }
  return fnv(fnv(FNV_START, &hits, 1), (const uint32_t *)resident, pages / 32);
}

const struct bench_case clock_cases[] = {
    {"clock", open_clock, empty, run_access, digest},
    {NULL, NULL, NULL, NULL, NULL},
};

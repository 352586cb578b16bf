/*
 * What one kernel in plain C gives to main.c, and what it is given: the same input as its Wasm
 * counterpart, read from a file, and a few numbers.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

struct input {
  const uint8_t *data; /* 64-byte aligned */
  size_t bytes;
  uint64_t args[8];
};

struct bench_case {
  const char *name;
  void (*open)(const struct input *input);
  void (*prepare)(void); /* puts the input back before each timed run; NULL: nothing changes */
  void (*run)(void);     /* what is timed */
  uint32_t (*digest)(void);
};

/* Each file ends its list with a case without a name. */
extern const struct bench_case bitmap_cases[];
extern const struct bench_case wsclock_cases[];
extern const struct bench_case lru_cases[];
extern const struct bench_case splay_cases[];
extern const struct bench_case clock_cases[];
extern const struct bench_case page_cases[];
extern const struct bench_case workload_cases[];
extern const struct bench_case xbzrle_cases[];

/* 64-byte aligned and touched, so that no run pays for its first use. */
void *allocate(size_t bytes);

/* FNV-1a over 32-bit words, from FNV_START on. */
#define FNV_START 0x811c9dc5u
uint32_t fnv(uint32_t hash, const uint32_t *words, size_t count);

#endif

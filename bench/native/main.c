/*
 * The child process that runs one kernel in plain C.
 *
 *   native CASE INPUT-FILE [NUMBER]...
 *   stdin   one request a line: RUNS BATCH
 *   stdout  "ready", then one answer a line: DIGEST NANOSECONDS...  (one number a run, of one of
 *           its BATCH repetitions)
 *
 * Times are taken here, around the kernel alone: a request and its answer take longer than many
 * kernels do.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

static const struct bench_case *const families[] = {
    bitmap_cases, wsclock_cases, lru_cases,      splay_cases,
    clock_cases,  page_cases,    workload_cases, xbzrle_cases,
};

static const struct bench_case *find(const char *name) {
  for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
    for (const struct bench_case *c = families[i]; c->name != NULL; c++) {
      if (strcmp(c->name, name) == 0) return c;
    }
  }
  fprintf(stderr, "there is no case \"%s\"\n", name);
  exit(1);
}

static struct input read_input(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
    perror(path);
    exit(1);
  }
  size_t bytes = (size_t)ftell(file);
  rewind(file);
  uint8_t *data = allocate(bytes + 64);
  if (fread(data, 1, bytes, file) != bytes) {
    fprintf(stderr, "%s ends before its %zu bytes\n", path, bytes);
    exit(1);
  }
  fclose(file);
  return (struct input){.data = data, .bytes = bytes};
}

static double now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double timed_run(const struct bench_case *kernel, unsigned batch) {
  if (kernel->prepare != NULL) kernel->prepare();
  double started = now_ns();
  for (unsigned i = 0; i < batch; i++) kernel->run();
  return (now_ns() - started) / batch;
}

static void answer(const struct bench_case *kernel, unsigned runs, unsigned batch) {
  double *times = malloc(runs * sizeof *times);
  for (unsigned i = 0; i < runs; i++) times[i] = timed_run(kernel, batch);
  printf("%08x", kernel->digest());
  for (unsigned i = 0; i < runs; i++) printf(" %.1f", times[i]);
  printf("\n");
  fflush(stdout);
  free(times);
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: native CASE INPUT-FILE [NUMBER]...\n");
    return 1;
  }
  const struct bench_case *kernel = find(argv[1]);
  struct input input = read_input(argv[2]);
  for (int i = 3; i < argc && i < 3 + 8; i++) input.args[i - 3] = strtoull(argv[i], NULL, 10);
  kernel->open(&input);
  puts("ready");
  fflush(stdout);
  unsigned runs;
  unsigned batch;
  while (scanf("%u %u", &runs, &batch) == 2) answer(kernel, runs, batch);
  return 0;
}

void *allocate(size_t bytes) {
  size_t rounded = (bytes + 127) / 64 * 64;
  void *memory = aligned_alloc(64, rounded);
  if (memory == NULL) {
    fprintf(stderr, "no memory for %zu bytes\n", bytes);
    exit(1);
  }
  memset(memory, 0, rounded);
  /* Zeros alone may be one shared page: write something, then zeros. */
  for (size_t i = 0; i < rounded; i += 4096) ((volatile uint8_t *)memory)[i] = 1;
  for (size_t i = 0; i < rounded; i += 4096) ((volatile uint8_t *)memory)[i] = 0;
  return memory;
}

uint32_t fnv(uint32_t hash, const uint32_t *words, size_t count) {
  for (size_t i = 0; i < count; i++) hash = (hash ^ words[i]) * 16777619u;
  return hash;
}

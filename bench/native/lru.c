/*
 * Least recently used in plain C: a doubly linked list through an array of nodes, one a page. The
 * counterpart of assembly/lru.ts. Input: the pages used, u32 each. Numbers: pages, capacity, uses.
 */
#include <string.h>

#include "bench.h"

#define ABSENT 0xffffffffu

struct node {
  uint32_t previous;
  uint32_t next;
};

static const uint32_t *uses;
static size_t use_count;
static uint32_t pages;
static uint32_t capacity;
static struct node *nodes; /* nodes[pages] is the sentinel */
static uint32_t size;
static uint32_t hits;
static uint32_t *order;

static void open_lru(const struct input *input) {
  uses = (const uint32_t *)input->data;
  pages = (uint32_t)input->args[0];
  capacity = (uint32_t)input->args[1];
  use_count = input->args[2];
  nodes = allocate((pages + 1) * sizeof *nodes);
  order = allocate(pages * 4);
}

static void empty(void) {
  memset(nodes, 0xff, pages * sizeof *nodes);
  nodes[pages].previous = pages;
  nodes[pages].next = pages;
  size = 0;
}

static void unlink_node(uint32_t page) {
  struct node node = nodes[page];
  nodes[node.previous].next = node.next;
  nodes[node.next].previous = node.previous;
}

static int touch(uint32_t page) {
  if (nodes[pages].next == page) return 1;
  int listed = nodes[page].previous != ABSENT;
  if (listed) {
    unlink_node(page);
  } else if (size == capacity) {
    uint32_t evicted = nodes[pages].previous;
    unlink_node(evicted);
    nodes[evicted].previous = ABSENT;
  } else {
    size++;
  }
  uint32_t head = nodes[pages].next;
  nodes[page].previous = pages;
  nodes[page].next = head;
  nodes[head].previous = page;
  nodes[pages].next = page;
  return listed;
}

static void run_touch(void) {
  uint32_t found = 0;
  for (size_t i = 0; i < use_count; i++) found += (uint32_t)touch(uses[i]);
  hits = found;
}

static uint32_t digest(void) {
  size_t listed = 0;
  for (uint32_t page = nodes[pages].next; page != pages; page = nodes[page].next) {
    order[listed++] = page;
  }
  return fnv(fnv(FNV_START, &hits, 1), order, listed);
}

const struct bench_case lru_cases[] = {
    {"lru", open_lru, empty, run_touch, digest},
    {NULL, NULL, NULL, NULL, NULL},
};

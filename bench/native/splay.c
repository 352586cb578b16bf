/*
 * A top-down splay tree in plain C (Sleator & Tarjan 1985), find or insert. The counterpart of
 * assembly/splay.ts. Input: the pages used, u32 each. Numbers: pages, 0, uses.
 */
#include <string.h>

#include "bench.h"

#define ABSENT 0xffffffffu

struct node {
  uint32_t left;
  uint32_t right;
};

static const uint32_t *uses;
static size_t use_count;
static uint32_t pages;
static struct node *nodes; /* page p is node p + 1; node 0 is none, and holds the side trees */
static uint32_t root;
static uint32_t hits;

static void open_tree(const struct input *input) {
  uses = (const uint32_t *)input->data;
  pages = (uint32_t)input->args[0];
  use_count = input->args[2];
  nodes = allocate((pages + 1) * sizeof *nodes);
}

static void empty(void) {
  memset(nodes, 0xff, (pages + 1) * sizeof *nodes);
  root = 0;
}

static uint32_t splay(uint32_t t, uint32_t key) {
  uint32_t smaller = 0;
  uint32_t larger = 0;
  nodes[0].left = 0;
  nodes[0].right = 0;
  while (t != key) {
    if (key < t) {
      uint32_t child = nodes[t].left;
      if (child == 0) break;
      if (key < child) {
        nodes[t].left = nodes[child].right;
        nodes[child].right = t;
        t = child;
        child = nodes[t].left;
        if (child == 0) break;
      }
      nodes[larger].left = t;
      larger = t;
      t = child;
    } else {
      uint32_t child = nodes[t].right;
      if (child == 0) break;
      if (key > child) {
        nodes[t].right = nodes[child].left;
        nodes[child].left = t;
        t = child;
        child = nodes[t].right;
        if (child == 0) break;
      }
      nodes[smaller].right = t;
      smaller = t;
      t = child;
    }
  }
  nodes[smaller].right = nodes[t].left;
  nodes[larger].left = nodes[t].right;
  nodes[t].left = nodes[0].right;
  nodes[t].right = nodes[0].left;
  return t;
}

static int touch(uint32_t page) {
  uint32_t key = page + 1;
  int found = nodes[key].left != ABSENT;
  if (root != 0) root = splay(root, key);
  if (found) return 1;
  struct node *node = &nodes[key];
  node->left = 0;
  node->right = 0;
  if (root != 0 && key < root) {
    node->left = nodes[root].left;
    node->right = root;
    nodes[root].left = 0;
  } else if (root != 0) {
    node->right = nodes[root].right;
    node->left = root;
    nodes[root].right = 0;
  }
  root = key;
  return 0;
}

static void run_touch(void) {
  uint32_t found = 0;
  for (size_t i = 0; i < use_count; i++) found += (uint32_t)touch(uses[i]);
  hits = found;
}

/* The hits and the right-hand spine from the root: it names the tree's shape well enough. */
static uint32_t digest(void) {
  uint32_t hash = fnv(FNV_START, &hits, 1);
  for (uint32_t node = root; node != 0; node = nodes[node].right) {
    uint32_t page = node - 1;
    hash = fnv(hash, &page, 1);
  }
  return hash;
}

const struct bench_case splay_cases[] = {
    {"splay", open_tree, empty, run_touch, digest},
    {NULL, NULL, NULL, NULL, NULL},
};

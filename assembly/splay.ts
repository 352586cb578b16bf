/**
 * Splay tree over page numbers, top-down (Sleator & Tarjan, "Self-adjusting binary search trees",
 * JACM 32(3), 1985, section 4): an access brings its page to the root, so recently used pages stand
 * near it.
 *
 *   header (64 bytes)                  nodes, 8 bytes each: {u32 left, u32 right}
 *   ┌──────────┬──────────┬─────────┐  ┌──────────────┬────────┬────────┬─ ···
 *   │ +0 root  │ +4 size  │ +8 pages│  │ 0: the two   │ page 0 │ page 1 │
 *   └──────────┴──────────┴─────────┘  │ side trees   │        │        │
 *                                      └──────────────┴────────┴────────┴─ ···
 *   node = page + 1; 0 = none; a page that is not in the tree has left = all ones
 *
 * Time O(log size) amortised an access; no parent links, no stack.
 */
const ABSENT: u32 = 0xffffffff;

/** One entry a level: {node, depth}. */
const STACK: usize = memory.data(4096 * 8, 8);

/** No page in the tree. */
export function splayInit(tree: usize): void {
  const nodes = tree + 64;
  store<u64>(nodes, 0);
  memory.fill(nodes + 8, 0xff, (<usize>load<u32>(tree, 8)) << 3);
}

/** Brings each page of the list to the root, inserting it where new; returns the hits. */
export function splayTouchList(tree: usize, list: usize, count: u32): u32 {
  const nodes = tree + 64;
  let root = load<u32>(tree);
  let size = load<u32>(tree, 4);
  let hits: u32 = 0;
  for (let at = list, end = list + ((<usize>count) << 2); at < end; at += 4) {
    const node = load<u32>(at) + 1;
    const isNew = leftOf(nodes, node) === ABSENT;
    if (root !== 0) root = splay(nodes, root, node);
    if (isNew) {
      insertAt(nodes, root, node);
      root = node;
      size++;
    } else {
      hits++;
    }
  }
  store<u32>(tree, root);
  store<u32>(tree, size, 4);
  return hits;
}

/** Takes the page out; false when it was not there. */
export function splayRemove(tree: usize, page: u32): bool {
  const nodes = tree + 64;
  const node = page + 1;
  if (leftOf(nodes, node) === ABSENT) return false;
  splay(nodes, load<u32>(tree), node);
  const left = leftOf(nodes, node);
  const right = rightOf(nodes, node);
  let root = right;
  if (left !== 0) {
    // The largest of the left side comes to its root and so has no right child.
    root = splay(nodes, left, node);
    setRight(nodes, root, right);
  }
  setLeft(nodes, node, ABSENT);
  store<u32>(tree, root);
  store<u32>(tree, load<u32>(tree, 4) - 1, 4);
  return true;
}

/** Writes the pages from the root to `page` (of the search, when it is absent); returns how many. */
export function splayPath(tree: usize, page: u32, out: usize, max: u32): u32 {
  const nodes = tree + 64;
  const wanted = page + 1;
  let node = load<u32>(tree);
  let count: u32 = 0;
  while (node !== 0) {
    if (count < max) store<u32>(out + ((<usize>count) << 2), node - 1);
    count++;
    if (node === wanted) break;
    node = wanted < node ? leftOf(nodes, node) : rightOf(nodes, node);
  }
  return count;
}

/** Whether the page is in the tree; nothing moves. */
export function splayHas(tree: usize, page: u32): bool {
  return leftOf(tree + 64, page + 1) !== ABSENT;
}

/** Sets the bits of the pages at depth <= `depth` (root: 0; at most 4094); returns how many. */
export function splayWithinDepth(tree: usize, depth: u32, bits: usize): u32 {
  const nodes = tree + 64;
  const root = load<u32>(tree);
  if (root === 0) return 0;
  let found: u32 = 0;
  // Right children wait while the left ones are walked: never more than one a level.
  let top = STACK;
  store<u32>(top, root);
  store<u32>(top, 0, 4);
  top += 8;
  while (top > STACK) {
    top -= 8;
    let node = load<u32>(top);
    let level = load<u32>(top, 4);
    while (node !== 0) {
      const page = node - 1;
      const at = bits + (usize(page >> 5) << 2);
      store<u32>(at, load<u32>(at) | (1 << (page & 31)));
      found++;
      if (level === depth) break;
      level++;
      const right = rightOf(nodes, node);
      if (right !== 0) {
        store<u32>(top, right);
        store<u32>(top, level, 4);
        top += 8;
      }
      node = leftOf(nodes, node);
    }
  }
  return found;
}

/**
 * Top-down splay of `key` in the tree at `root`: the last node met becomes the root. Node 0 gathers
 * the two side trees: its right is the tree of smaller nodes, its left that of larger ones.
 */
function splay(nodes: usize, root: u32, key: u32): u32 {
  let t = root;
  let smaller: u32 = 0;
  let larger: u32 = 0;
  store<u64>(nodes, 0);
  while (t !== key) {
    if (key < t) {
      let y = leftOf(nodes, t);
      if (y === 0) break;
      if (key < y) {
        setLeft(nodes, t, rightOf(nodes, y));
        setRight(nodes, y, t);
        t = y;
        y = leftOf(nodes, t);
        if (y === 0) break;
      }
      setLeft(nodes, larger, t);
      larger = t;
      t = y;
    } else {
      let y = rightOf(nodes, t);
      if (y === 0) break;
      if (key > y) {
        setRight(nodes, t, leftOf(nodes, y));
        setLeft(nodes, y, t);
        t = y;
        y = rightOf(nodes, t);
        if (y === 0) break;
      }
      setRight(nodes, smaller, t);
      smaller = t;
      t = y;
    }
  }
  setRight(nodes, smaller, leftOf(nodes, t));
  setLeft(nodes, larger, rightOf(nodes, t));
  setLeft(nodes, t, rightOf(nodes, 0));
  setRight(nodes, t, leftOf(nodes, 0));
  return t;
}

/** Makes the new node the root above the splayed root. */
function insertAt(nodes: usize, root: u32, node: u32): void {
  setLeft(nodes, node, 0);
  setRight(nodes, node, 0);
  if (root === 0) return;
  if (node < root) {
    setLeft(nodes, node, leftOf(nodes, root));
    setRight(nodes, node, root);
    setLeft(nodes, root, 0);
  } else {
    setRight(nodes, node, rightOf(nodes, root));
    setLeft(nodes, node, root);
    setRight(nodes, root, 0);
  }
}

function leftOf(nodes: usize, node: u32): u32 {
  return load<u32>(nodes + ((<usize>node) << 3));
}

function rightOf(nodes: usize, node: u32): u32 {
  return load<u32>(nodes + ((<usize>node) << 3), 4);
}

function setLeft(nodes: usize, node: u32, child: u32): void {
  store<u32>(nodes + ((<usize>node) << 3), child);
}

function setRight(nodes: usize, node: u32, child: u32): void {
  store<u32>(nodes + ((<usize>node) << 3), child, 4);
}

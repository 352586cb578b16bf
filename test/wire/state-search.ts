/** Tries every action in every state that can be reached, each state once. */
export interface Stateful {
  actions(): { readonly must: string[]; readonly may: string[] };
  do(action: string): void;
  check(): void;
}

export interface Found<S> {
  readonly states: number;
  /** Where nothing has to happen any more. */
  readonly settled: S[];
}

/** Throws what `check` or an action throws, with the actions that led there. */
export function searchStates<S extends Stateful>(start: S, statesMax = 500_000): Found<S> {
  const seen = new Set<string>([keyOf(start)]);
  const open: { state: S; path: string[] }[] = [{ state: start, path: [] }];
  const settled: S[] = [];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { must, may } = next.state.actions();
    if (must.length === 0) settled.push(next.state);
    for (const action of [...must, ...may]) {
      const state = copyOf(next.state);
      const path = [...next.path, action];
      try {
        state.do(action);
        state.check();
      } catch (error) {
        throw new Error(`${(error as Error).message} after: ${path.join(", ")}`, { cause: error });
      }
      const key = keyOf(state);
      if (seen.has(key)) continue;
      seen.add(key);
      if (seen.size > statesMax) throw new Error(`more than ${statesMax} states`);
      open.push({ state, path });
    }
  }
  return { states: seen.size, settled };
}

function keyOf(state: unknown): string {
  return JSON.stringify(state, (_key, value) => {
    if (value instanceof Map) return [...value];
    return typeof value === "bigint" ? `${value}` : value;
  });
}

/** A deep copy with the same classes; what occurs twice occurs twice in the copy. */
function copyOf<T>(value: T, copies = new Map<unknown, unknown>()): T {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
  const known = copies.get(value);
  if (known !== undefined) return known as T;
  const copy = value instanceof Map ? new Map() : emptyLike(value);
  copies.set(value, copy);
  if (value instanceof Map) {
    for (const [key, entry] of value)
      (copy as Map<unknown, unknown>).set(key, copyOf(entry, copies));
  }
  for (const key of Object.keys(value)) {
    (copy as Record<string, unknown>)[key] = copyOf(
      (value as Record<string, unknown>)[key],
      copies,
    );
  }
  return copy as T;
}

function emptyLike(value: object): object {
  return Array.isArray(value) ? [] : Object.create(Object.getPrototypeOf(value));
}

/** What blocktime is, from a list of intervals: the slow twin of src/model/stalls.ts. */
export interface Blocked {
  readonly vcpu: number;
  readonly fromNs: number;
  readonly toNs: number;
}

export function blocktimeOf(vcpu: number, blocked: readonly Blocked[]): number {
  return blocked.filter((b) => b.vcpu === vcpu).reduce((sum, b) => sum + b.toNs - b.fromNs, 0);
}

/** Time in which each of `vcpus` is in one of its intervals. */
export function allBlockedOf(vcpus: number, blocked: readonly Blocked[]): number {
  const edges = [...new Set(blocked.flatMap(({ fromNs, toNs }) => [fromNs, toNs]))];
  edges.sort((a, b) => a - b);
  let sum = 0;
  for (let i = 0; i + 1 < edges.length; i++) {
    const [from, to] = [edges[i]!, edges[i + 1]!];
    const covers = (vcpu: number) =>
      blocked.some((b) => b.vcpu === vcpu && b.fromNs <= from && to <= b.toNs);
    if (Array.from({ length: vcpus }, (_, vcpu) => vcpu).every(covers)) sum += to - from;
  }
  return sum;
}

/**
 * What remains to be sent, over time: a saw-tooth, as each round sends what the one before left dirty.
 * Round ends are marked, and the height below which the rest fits the downtime limit.
 */
import { formatBytes, formatDuration } from "../../base/units.js";
import { svg } from "./dom.js";

export interface ChartPoint {
  readonly atNs: number;
  readonly unsentBytes: number;
}

export interface ChartFacts {
  readonly points: readonly ChartPoint[];
  /** Ends of rounds, in order. */
  readonly roundEndsNs: readonly number[];
  /** What may remain for the pause; undefined when no bandwidth is given. */
  readonly limitBytes: number | undefined;
  /** When it is over: from the pause to the guest's first step there. */
  readonly pause?: { readonly fromNs: number; readonly toNs: number };
}

const MARGIN = { left: 64, right: 12, top: 22, bottom: 26 };
const HEIGHT = 240;
/** Marks that stand closer are not labelled. */
const LABEL_GAP_PX = 18;

export function drawChart(into: HTMLElement, facts: ChartFacts): void {
  const width = Math.max(260, into.clientWidth);
  const { points, pause, limitBytes } = facts;
  const endNs = Math.max(1e9, points.at(-1)?.atNs ?? 0, pause?.toNs ?? 0);
  const mostBytes = Math.max(2 ** 20, ...points.map(({ unsentBytes }) => unsentBytes));
  const x = (ns: number) => MARGIN.left + (ns / endNs) * (width - MARGIN.left - MARGIN.right);
  const y = (bytes: number) =>
    MARGIN.top + (1 - bytes / mostBytes) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const drawing = svg("svg", {
    viewBox: `0 0 ${width} ${HEIGHT}`,
    role: "img",
    "aria-label": labelOf(facts, mostBytes),
  });
  drawing.append(...axes({ width, endNs, mostBytes, x, y }));
  if (points.length > 0) drawing.append(...curve(points, x, y));
  drawing.append(...roundMarks(facts.roundEndsNs, x, y));
  if (limitBytes !== undefined && limitBytes < mostBytes) {
    drawing.append(...limitLine(limitBytes, width, y));
  }
  if (pause !== undefined) {
    const wide = Math.max(2, x(pause.toNs) - x(pause.fromNs));
    const box = { x: x(pause.fromNs), y: MARGIN.top, width: wide, height: y(0) - MARGIN.top };
    drawing.append(svg("rect", { class: "pause", ...texts(box) }));
  }
  into.replaceChildren(drawing);
}

type Scale = (value: number) => number;

interface Frame {
  readonly width: number;
  readonly endNs: number;
  readonly mostBytes: number;
  readonly x: Scale;
  readonly y: Scale;
}

function axes({ width, endNs, mostBytes, x, y }: Frame): Element[] {
  const made: Element[] = [];
  for (const share of [0, 0.5, 1]) {
    const at = y(share * mostBytes);
    const ends = texts({ x1: MARGIN.left, x2: width - MARGIN.right, y1: at, y2: at });
    made.push(svg("line", { class: share === 0 ? "axis" : "grid", ...ends }));
    const where = { ...texts({ x: MARGIN.left - 8, y: at + 4 }), "text-anchor": "end" };
    made.push(svg("text", where, formatBytes(Math.round(share * mostBytes))));
  }
  const base = HEIGHT - 6;
  made.push(svg("text", texts({ x: MARGIN.left, y: base }), "0 s"));
  const end = { ...texts({ x: x(endNs), y: base }), "text-anchor": "end" };
  made.push(svg("text", end, formatDuration(Math.round(endNs))));
  const middle = {
    ...texts({ x: (MARGIN.left + x(endNs)) / 2, y: base }),
    "text-anchor": "middle",
  };
  made.push(svg("text", middle, "left to send, over time"));
  return made;
}

function curve(points: readonly ChartPoint[], x: Scale, y: Scale): Element[] {
  const path = points
    .map(({ atNs, unsentBytes }) => `${x(atNs).toFixed(1)},${y(unsentBytes).toFixed(1)}`)
    .join(" L");
  const from = x(points[0]?.atNs ?? 0).toFixed(1);
  const to = x(points.at(-1)?.atNs ?? 0).toFixed(1);
  const floor = y(0).toFixed(1);
  return [
    svg("path", { class: "area", d: `M${from},${floor} L${path} L${to},${floor} Z` }),
    svg("path", { class: "curve", d: `M${path}` }),
  ];
}

function roundMarks(endsNs: readonly number[], x: Scale, y: Scale): Element[] {
  let labelled = Number.NEGATIVE_INFINITY;
  return endsNs.flatMap((ns, i) => {
    const at = x(ns);
    const line = svg("line", {
      class: "grid",
      ...texts({ x1: at, x2: at, y1: MARGIN.top, y2: y(0) }),
    });
    if (at - labelled < LABEL_GAP_PX) return [line];
    labelled = at;
    const where = { ...texts({ x: at, y: MARGIN.top - 7 }), "text-anchor": "middle" };
    return [line, svg("text", where, `${i + 1}`)];
  });
}

function limitLine(limitBytes: number, width: number, y: Scale): Element[] {
  const at = y(limitBytes);
  const right = width - MARGIN.right;
  const ends = texts({ x1: MARGIN.left, x2: right, y1: at, y2: at });
  const where = { ...texts({ x: right, y: at - 6 }), "text-anchor": "end" };
  return [
    svg("line", { class: "limit", ...ends }),
    svg("text", { class: "limit-label", ...where }, "fits the downtime limit"),
  ];
}

function texts(numbers: Readonly<Record<string, number>>): Record<string, string> {
  return Object.fromEntries(Object.entries(numbers).map(([key, value]) => [key, value.toFixed(1)]));
}

function labelOf({ points, roundEndsNs }: ChartFacts, mostBytes: number): string {
  const last = points.at(-1);
  if (last === undefined) return "What remains to be sent, over time: nothing yet.";
  return (
    `What remains to be sent, over time: at most ${formatBytes(mostBytes)}, ` +
    `${formatBytes(last.unsentBytes)} at ${formatDuration(last.atNs)}, ${roundEndsNs.length} rounds.`
  );
}

// The charts: rate by ring size, gaps by their length, idle time by cause.
import * as Plot from "@observablehq/plot";
import { looks } from "./colours";
import { causes } from "./data";
import { compact, duration, number, percent } from "./format";
import type { Ring, Rings } from "./rings";

export type Chart = SVGSVGElement | HTMLElement;

const style = { background: "none", color: "inherit", fontFamily: "inherit", fontSize: "12px", overflow: "visible" };
const ink = "var(--text)";
const faint = "var(--faint)";

/** The colours that depend on light and dark are those of the page. */
const causeColours = causes.map((cause) => (cause === "device" ? "var(--device)" : looks[cause].light));

function marginFor(names: string[], width: number): number {
  const longest = Math.max(...names.map((name) => name.length));
  return Math.min(16 + 6.6 * longest, width / 3);
}

export function rateChart(rings: Rings, width: number): Chart | null {
  const known = rings.rings.filter((ring) => ring.rate !== null);
  if (known.length === 0) return null;
  const several = known.some((ring, i) => known.findIndex((other) => other.size === ring.size) !== i);
  const nameOf = (ring: Ring): string => (several ? ring.name : `ring of ${ring.size}`);
  const margin = marginFor(known.map(nameOf), width);
  const rounds = known.flatMap((ring) => ring.samples.map((sample) => ({ name: nameOf(ring), sample })));
  const intervals = known.filter((ring) => ring.interval !== null);
  const most = Math.max(...known.map((ring) => Math.max(ring.rate!, ring.interval?.[1] ?? 0, ...ring.samples)));
  return Plot.plot({
    width,
    height: 44 + 38 * known.length,
    marginLeft: margin,
    marginRight: 100,
    marginBottom: 38,
    style,
    x: { domain: [0, most], label: `${rings.unit} a second →`, labelAnchor: "right", tickFormat: (value: number) => compact(value), ticks: width / 110, grid: true },
    y: { type: "band", domain: known.map(nameOf), label: null, tickSize: 0, padding: 0.3 },
    marks: [
      Plot.ruleX([0]),
      Plot.barX(known, { y: nameOf, x: "rate", fill: "var(--bar)", insetTop: 1, insetBottom: 5, title: titleOf(rings.unit) }),
      Plot.dot(rounds, { y: "name", x: "sample", dy: 11, r: 1.8, fill: faint }),
      Plot.ruleY(intervals, { y: nameOf, x1: (ring: Ring) => ring.interval![0], x2: (ring: Ring) => ring.interval![1], stroke: ink, strokeWidth: 1.5, dy: -2 }),
      ...[0, 1].map((side) => Plot.tickX(intervals, { y: nameOf, x: (ring: Ring) => ring.interval![side]!, stroke: ink, strokeWidth: 1.5, insetTop: 6, insetBottom: 10 })),
      Plot.text(known, {
        y: nameOf, x: (ring: Ring) => Math.max(ring.rate!, ring.interval?.[1] ?? 0, ...ring.samples), dx: 8, dy: -2, textAnchor: "start", fill: ink, fontWeight: 600,
        text: (ring: Ring) => compact(ring.rate!) + (ring.speedup === null ? "" : `  ${ring.speedup.toFixed(2)}×`),
      }),
    ],
  });
}

function titleOf(unit: string): (ring: Ring) => string {
  return (ring) => `${ring.name}: ${number(ring.rate ?? 0, 5)} ${unit} a second` +
    (ring.interval ? `\n95 % interval ${number(ring.interval[0], 5)} to ${number(ring.interval[1], 5)}` : "");
}

export function gapChart(rings: Ring[], width: number): Chart | null {
  const known = rings.filter((ring) => ring.gpu && ring.gpu.gaps > 0);
  if (known.length === 0) return null;
  const classes = known.flatMap((ring) => ring.gpu!.gapHistogram.map((entry, i, all) => ({
    ring: ring.name,
    from: Math.max(entry.from, 500),
    shownFrom: entry.from,
    to: all[i + 1]?.from ?? entry.from * 2,
    count: entry.count,
  }))).filter((entry) => entry.count > 0);
  const low = Math.min(...classes.map((entry) => entry.from));
  const high = Math.max(...classes.map((entry) => entry.to));
  return Plot.plot({
    width,
    height: 46 + 96 * known.length,
    marginLeft: marginFor(known.map((ring) => ring.name), width),
    marginRight: 14,
    marginBottom: 40,
    style,
    x: { type: "log", domain: [Math.min(low, 500), Math.max(high, 64_000)], label: "length of the gap →", labelAnchor: "right", tickFormat: (ns: number) => duration(ns, 2), ticks: width / 100, grid: true },
    y: { label: null, ticks: 0, insetTop: 18 },
    fy: { domain: known.map((ring) => ring.name), label: null, axis: "left", padding: 0.12 },
    marks: [
      Plot.rectY(classes, {
        fy: "ring", x1: "from", x2: "to", y: "count", fill: "var(--bar)", insetLeft: 0.5, insetRight: 0.5,
        title: (entry: (typeof classes)[number]) => `${entry.ring}: ${number(entry.count, 9)} gaps of ${duration(entry.shownFrom)} to ${duration(entry.to)}`,
      }),
      Plot.ruleY([0], { stroke: faint }),
      Plot.text(classes, {
        fy: "ring", x: (entry: (typeof classes)[number]) => Math.sqrt(entry.from * entry.to), y: "count", text: (entry: (typeof classes)[number]) => compact(entry.count),
        dy: -7, fill: ink, fontSize: width < 500 ? 9 : 11,
      }),
    ],
  });
}

export function causeChart(rings: Ring[], width: number): Chart | null {
  const known = rings.filter((ring) => ring.gpu && ring.gpu.busy + ring.gpu.idle > 0);
  if (known.length === 0) return null;
  const parts = known.flatMap((ring) => {
    const whole = ring.gpu!.busy + ring.gpu!.idle;
    let from = 0;
    return causes.map((cause) => {
      const share = ring.gpu!.idleByCause[cause] / whole;
      const part = { ring: ring.name, cause: looks[cause].name, kind: cause, share, from, to: (from += share), time: ring.gpu!.idleByCause[cause] };
      return part;
    });
  }).filter((part) => part.share > 0);
  const totals = known.map((ring) => ({ ring: ring.name, idle: ring.gpu!.idle / (ring.gpu!.busy + ring.gpu!.idle) }));
  const most = Math.max(...totals.map((each) => each.idle));
  const domain = most > 0.5 ? 1 : Math.max(Math.ceil(most * 10) / 10, 0.02);
  const margin = marginFor(known.map((ring) => ring.name), width);
  return Plot.plot({
    width,
    height: 44 + 34 * known.length,
    marginLeft: margin,
    marginRight: 58,
    marginBottom: 38,
    style,
    x: { domain: [0, domain], label: "share of the time in which the GPU stood idle →", labelAnchor: "right", tickFormat: (share: number) => `${Number((100 * share).toFixed(1))} %`, ticks: width / 110, grid: true },
    y: { type: "band", domain: known.map((ring) => ring.name), label: null, tickSize: 0, padding: 0.25 },
    color: { domain: causes.map((cause) => looks[cause].name), range: causeColours },
    marks: [
      Plot.ruleX([0]),
      Plot.barX(parts, {
        y: "ring", x1: "from", x2: "to", fill: "cause", insetRight: 0.5, insetLeft: 0.5,
        title: (part: (typeof parts)[number]) => `${part.ring}: ${part.cause} ${percent(part.share)}, ${duration(part.time)}`,
      }),
      Plot.text(totals, { y: "ring", x: "idle", text: (each: (typeof totals)[number]) => percent(each.idle), dx: 6, textAnchor: "start", fill: ink, fontWeight: 600 }),
    ],
  });
}

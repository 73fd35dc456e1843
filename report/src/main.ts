// The page, from top to bottom.
import { causeChart, gapChart, rateChart, type Chart } from "./charts";
import { causeTexts, looks } from "./colours";
import { causes, readData, type ReportData } from "./data";
import { element, prose, table } from "./dom";
import { duration, number, percent } from "./format";
import { ringsOf, sentence, type Ring, type Rings } from "./rings";
import { TimeLinePanel } from "./timeline/panel";

function section(id: string, title: string, lead: string, ...content: (Node | null)[]): HTMLElement {
  return element("section", { id, "aria-labelledby": `${id}-title` },
    element("h2", { id: `${id}-title` }, title), lead ? element("p", { class: "lead" }, lead) : null, ...content);
}

/** A chart as wide as there is room for it. */
function chart(draw: (width: number) => Chart | null, label: string): HTMLElement | null {
  if (!draw(640)) return null;
  const box = element("figure", { class: "chart", role: "group", "aria-label": label });
  let width = 0;
  new ResizeObserver(() => {
    const room = Math.round(box.clientWidth);
    if (room === width || room === 0) return;
    width = room;
    const made = draw(width);
    if (made) box.replaceChildren(made);
  }).observe(box);
  return box;
}

function tile(name: string, value: string, detail: string): HTMLElement {
  return element("div", { class: "tile" }, element("span", {}, name), element("b", {}, value), element("small", {}, detail));
}

/** From the first ring to the one that did most. */
function tiles(rings: Rings): HTMLElement | null {
  const [first] = rings.rings;
  if (!first || rings.rings.length < 2) return null;
  const best = rings.rings.reduce((a, b) => ((b.rate ?? 0) > (a.rate ?? 0) ? b : a));
  if (best === first) return null;
  const made = [];
  if (first.rate !== null && best.rate !== null) {
    const speedup = best.speedup ?? best.rate / first.rate;
    made.push(tile("speed", `${speedup.toFixed(2)}×`,
      best.speedupInterval ? `95 % interval ${best.speedupInterval.map((each) => each.toFixed(2)).join(" to ")}` +
        (best.speedupInterval[0] <= 1 && best.speedupInterval[1] >= 1 ? ": may be noise" : "")
        : `${best.name} against ${first.name}`));
    made.push(tile(`${rings.unit} a second`, number(best.rate, 4), `${number(first.rate, 4)} with a ${first.name}`));
  }
  if (first.busy !== null && best.busy !== null) {
    made.push(tile("GPU busy", percent(best.busy), `${percent(first.busy)} with a ${first.name}`));
  }
  return element("div", { class: "tiles" }, ...made);
}

function figures(rings: Rings): HTMLElement {
  const interval = (ring: Ring): string =>
    ring.interval ? `${number(ring.interval[0], 5)} – ${number(ring.interval[1], 5)}` : "–";
  const speedup = (ring: Ring): string => {
    if (ring.speedup === null) return "–";
    const bounds = ring.speedupInterval ? ` (${ring.speedupInterval.map((each) => each.toFixed(3)).join(" – ")})` : "";
    return `${ring.speedup.toFixed(3)}×${bounds}`;
  };
  const withGaps = rings.rings.some((ring) => ring.gapUs !== null);
  const withEncode = rings.rings.some((ring) => ring.encodeUs !== null);
  return table("The figures", [
    "ring", `${rings.unit}/s, mean`, "95 % interval", "speed-up (95 %)", "GPU busy",
    ...(withGaps ? ["gap median", "gap p99"] : []), ...(withEncode ? ["encode"] : []),
  ], rings.rings.map((ring) => [
    ring.name, ring.rate === null ? "–" : number(ring.rate, 5), interval(ring), speedup(ring),
    ring.busy === null ? "–" : percent(ring.busy),
    ...(withGaps ? [ring.gapUs ? duration(ring.gapUs.median * 1e3) : "–", ring.gapUs ? duration(ring.gapUs.p99 * 1e3) : "–"] : []),
    ...(withEncode ? [ring.encodeUs === null ? "–" : duration(ring.encodeUs * 1e3)] : []),
  ]));
}

function causeTable(rings: Ring[]): HTMLElement {
  const known = rings.filter((ring) => ring.gpu);
  const seen = causes.filter((cause) => known.some((ring) => ring.gpu!.idleByCause[cause] > 0));
  return table("Idle time by cause", ["ring", "busy", "idle", ...seen.map((cause) => looks[cause].name)],
    known.map((ring) => [ring.name, duration(ring.gpu!.busy, 4), duration(ring.gpu!.idle, 4),
      ...seen.map((cause) => duration(ring.gpu!.idleByCause[cause], 4))]));
}

function causeLegend(rings: Ring[]): HTMLElement {
  const seen = causes.filter((cause) => rings.some((ring) => (ring.gpu?.idleByCause[cause] ?? 0) > 0));
  return element("ul", { class: "legend causes" }, ...seen.map((cause) => {
    const mark = element("i", {});
    mark.style.backgroundColor = cause === "device" ? "var(--device)" : looks[cause].light;
    return element("li", {}, mark, element("span", {}, element("b", {}, looks[cause].name), `: ${causeTexts[cause]}`));
  }));
}

/** Rings of which the same is said stand together. */
function findings(rings: Ring[]): HTMLElement[] {
  const groups = new Map<string, Ring[]>();
  for (const ring of rings.filter((each) => each.findings.length > 0)) {
    const key = JSON.stringify(ring.findings);
    groups.set(key, [...(groups.get(key) ?? []), ring]);
  }
  return [...groups.values()].map((group) => {
    const names = group.map((ring) => ring.name).join(", ");
    return element("article", { class: "findings" },
      element("h3", {}, names.charAt(0).toUpperCase() + names.slice(1)),
      ...group[0]!.findings.map((finding) => element("div", { class: finding.idleShare === null ? "finding calm" : "finding" },
        element("p", {}, ...prose(finding.text)), element("p", { class: "action" }, ...prose(finding.action)))));
  });
}

function facts(data: ReportData): HTMLElement {
  const line = (parts: string[]): string => parts.filter((part) => part !== "").join(" · ");
  const lines = data.results.length > 0
    ? data.results.map((result) => line([data.results.length > 1 ? result.file : "", result.device, result.workload, result.machine, result.timestamp]))
    : [...new Set(data.recordings.map((recording) => line([recording.device, recording.file])))];
  const stopped = data.results.some((result) => !result.complete)
    ? "The benchmark was stopped early: rounds that were cut short are left out." : "";
  return element("div", { class: "facts" }, ...lines.map((text) => element("p", {}, text)),
    ...[...data.notes, stopped].filter((note) => note !== "").map((note) => element("p", { class: "note" }, note)));
}

function page(data: ReportData): Node[] {
  const rings = ringsOf(data);
  const title = sentence(data);
  document.title = `Report: ${title}`;
  const withGpu = rings.rings.some((ring) => ring.gpu);
  const dropped = data.recordings.reduce((sum, recording) => sum + recording.dropped, 0);
  const made: (Node | null)[] = [
    element("header", {}, element("p", { class: "brand" }, "Command Buffer Ring · report"),
      element("h1", {}, title), facts(data), tiles(rings)),
    data.recordings.length === 0 ? null : section("time-line", "The time line",
      "Host threads, slots and GPU queues, as they were measured" +
      (data.recordings.length > 1 ? ", both at the same scale." : ".") +
      " A gap in a queue has the colour of what the host was at." +
      (dropped > 0 ? ` ${number(dropped, 9)} submissions are not in the recordings.` : ""),
      new TimeLinePanel(data.recordings).box),
    rings.rings.some((ring) => ring.findings.length > 0)
      ? section("findings", "What it means", "", ...findings(rings.rings)) : null,
    section("rate", "Rate by ring size", rings.source +
      (rings.rings.some((ring) => ring.interval) ? " Bars are means, with their 95 % interval; dots are rounds." : ""),
      chart((width) => rateChart(rings, width), "Rate by ring size"), figures(rings)),
    withGpu ? section("causes", "Idle time by cause",
      "What the submission that ended each gap was at, while the GPU waited for it.",
      chart((width) => causeChart(rings.rings, width), "Idle time by cause"), causeLegend(rings.rings),
      causeTable(rings.rings)) : null,
    withGpu ? section("gaps", "How long the gaps were", "How many gaps of each length there were; each class is twice as long as the one before.",
      chart((width) => gapChart(rings.rings, width), "Gaps by length") ??
        element("p", {}, "There was no gap.")) : null,
    element("footer", {}, `Made by ${data.tool}. This file holds all that it shows and loads nothing.`),
  ];
  return made.filter((each): each is Node => each !== null);
}

const main = document.querySelector("main")!;
try {
  main.replaceChildren(...page(readData(document)));
} catch (error) {
  main.replaceChildren(element("p", { class: "note" }, `This report can't be shown: ${String(error)}`));
  throw error;
}

// The time lines of up to two recordings, one above the other and at one scale.
import { colourOf } from "./draw";
import { kinds, looks, type Kind } from "../colours";
import { causes, type Recording } from "../data";
import { button, element } from "../dom";
import { duration, number, percent, plural } from "../format";
import { drawOverview, drawTimeLine, Layout, prepare, themeNow } from "./draw";
import { figuresOf, makeTimeLine, type TimeLine } from "./model";
import { describe } from "./tooltip";
import { View } from "./view";

const overviewHeight = 36;
/** How many steps of the slower recording are seen at first: as many as have room for their names. */
const firstSteps = (width: number): number => Math.min(Math.max(Math.round(width / 200), 3), 6);

function describeRing(recording: Recording): string {
  return `${recording.ringName}: ring of ${recording.ringSize}` +
    (recording.queueCount > 1 ? `, ${recording.queueCount} queues` : "");
}

/** The median time from one submission's end to the next one's. */
function usualStep(line: TimeLine): number {
  const steps = line.ends.slice(1).map((end, i) => end - line.ends[i]!).sort();
  return steps[steps.length >> 1] ?? line.end - line.begin;
}

/** One recording with its canvas. */
class Row {
  readonly canvas = element("canvas", { tabindex: "0", role: "img", class: "timeline" });
  readonly caption = element("p", { class: "caption", "aria-live": "polite" });
  readonly box: HTMLElement;
  line: TimeLine;
  layout: Layout;
  private readonly title = element("h3", {});

  constructor(recording: Recording, chooser: HTMLElement | null) {
    this.line = makeTimeLine(recording);
    this.layout = new Layout(this.line.lanes, 800);
    this.title.textContent = describeRing(recording);
    // On paper nothing can be chosen.
    if (chooser) this.title.className = "on-paper";
    this.box = element("div", { class: "row" },
      element("div", { class: "rowhead" }, chooser, this.title, this.caption), this.canvas);
  }

  choose(recording: Recording): void {
    this.line = makeTimeLine(recording);
    this.title.textContent = describeRing(recording);
  }

  draw(view: View, print: boolean): void {
    const started = performance.now();
    const width = this.canvas.clientWidth || 800;
    this.layout = new Layout(this.line.lanes, width);
    const theme = themeNow(print);
    const context = prepare(this.canvas, width, this.layout.height, print);
    drawTimeLine(context, this.line, this.layout, view, theme);
    const { ended, busy } = figuresOf(this.line, view.begin, view.end);
    const busyText = busy === null ? "" : `, GPU busy ${percent(busy)}`;
    const hidden = this.line.hidden > 0 ? `; ${this.line.hidden} more lanes are not shown` : "";
    const text = `${duration(view.span)} in view: ${plural(ended, "submission")} ended${busyText}${hidden}`;
    if (this.caption.textContent !== text) this.caption.textContent = text;
    const { ringSize, ringName } = this.line.recording;
    this.canvas.setAttribute("aria-label",
      `Time line of ${ringName}, a ring of ${ringSize}, from ${duration(view.begin)} to ${duration(view.end)}: ${text}`);
    this.canvas.dataset.begin = String(view.begin);
    this.canvas.dataset.end = String(view.end);
    this.canvas.dataset.drawMs = String(performance.now() - started);
  }
}

export class TimeLinePanel {
  readonly box = element("div", { class: "timelines" });
  private readonly rows: Row[];
  private readonly overview = element("canvas", { class: "overview", "aria-hidden": "true" });
  private readonly tip = element("div", { class: "tip", role: "status", hidden: "" });
  private readonly legend = element("ul", { class: "legend" });
  private view = new View({ begin: 0, end: 1 });
  private whole = new View({ begin: 0, end: 1 });
  private scheduled = false;
  private printing = false;

  constructor(private readonly recordings: readonly Recording[]) {
    const chosen = chooseTwo(recordings);
    this.rows = chosen.map((index, place) => {
      const row = new Row(recordings[index]!, this.chooser(index, place));
      this.listen(row);
      return row;
    });
    this.box.append(this.toolbar(), ...this.rows.map((row) => row.box), this.overview, this.legend, this.tip);
    this.listenToOverview();
    this.start();
    new ResizeObserver(() => this.schedule()).observe(this.box);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redrawAll());
    addEventListener("beforeprint", () => this.print(true));
    addEventListener("afterprint", () => this.print(false));
  }

  private print(printing: boolean): void {
    this.printing = printing;
    this.redrawAll();
  }

  private redrawAll(): void {
    this.drawLegend();
    this.draw();
  }

  /** Shows some steps in the middle, where the ring has come to its rate. */
  private start(): void {
    const lines = this.rows.map((row) => row.line);
    const whole = { begin: Math.min(...lines.map((line) => line.begin)), end: Math.max(...lines.map((line) => line.end)) };
    this.view = new View(whole);
    this.whole = new View(whole);
    const step = Math.max(...lines.map(usualStep));
    const shortest = lines.reduce((a, b) => (b.end - b.begin < a.end - a.begin ? b : a));
    const middle = shortest.ends[shortest.ends.length >> 1] ?? whole.begin;
    const half = (firstSteps(this.box.clientWidth || innerWidth) / 2) * step;
    this.view.show(middle - half, middle + half);
    this.drawLegend();
    this.schedule();
  }

  private chooser(index: number, place: number): HTMLElement | null {
    if (this.recordings.length < 2) return null;
    const files = new Set(this.recordings.map((recording) => recording.file));
    const select = element("select", { "aria-label": place === 0 ? "The upper recording" : "The lower recording" },
      ...this.recordings.map((recording, i) => element("option", { value: String(i) },
        describeRing(recording) + (files.size > 1 ? ` (${recording.file})` : ""))));
    select.value = String(index);
    select.addEventListener("change", () => {
      this.rows[place]!.choose(this.recordings[Number(select.value)]!);
      this.start();
    });
    return select;
  }

  private toolbar(): HTMLElement {
    const act = (change: () => void) => (): void => {
      change();
      this.schedule();
    };
    return element("div", { class: "toolbar" },
      button("\u2212", "Zoom out (key \u2212)", act(() => this.view.zoom(2))),
      button("+", "Zoom in (key +)", act(() => this.view.zoom(0.5))),
      button("\u2190", "Earlier (key \u2190)", act(() => this.view.pan(-0.5))),
      button("\u2192", "Later (key \u2192)", act(() => this.view.pan(0.5))),
      button("All", "Show all (key 0)", act(() => this.view.showAll())),
      button("Steps", "Show some steps (key 1)", () => this.start()),
      button("Longest gap", "Show the longest gap of the upper recording (key g)", act(() => this.showLongestGap(0))),
      element("span", { class: "hint" },
        "Drag to move; Ctrl and wheel, pinch, or click and wheel to zoom; keys + \u2212 \u2190 \u2192 0 1 g."));
  }

  private showLongestGap(place: number): void {
    const gap = this.rows[place]?.line.longestGap;
    if (!gap) return;
    const length = gap.end - gap.begin;
    this.view.show(gap.begin - 0.75 * length, gap.end + 0.75 * length);
  }

  private drawLegend(): void {
    const theme = themeNow(this.printing);
    const present = new Set<Kind>(this.rows.flatMap((row) => row.line.lanes.flatMap((lane) => lane.kinds)));
    const entry = (kind: Kind): HTMLElement => {
      const look = looks[kind];
      const mark = element("i", {});
      mark.style.backgroundColor = colourOf(kind, theme);
      mark.style.opacity = String(look.alpha);
      mark.style.height = `${Math.round(14 * look.height)}px`;
      return element("li", {}, mark, look.name);
    };
    const isGap = (kind: Kind): boolean => (causes as readonly string[]).includes(kind);
    const shown = kinds.filter((kind) => present.has(kind));
    const gaps = shown.filter(isGap);
    this.legend.replaceChildren(
      element("li", { class: "what" }, "What is done:"), ...shown.filter((kind) => !isGap(kind)).map(entry),
      ...(gaps.length > 0 ? [element("li", { class: "break" }), element("li", { class: "what" }, "GPU idle, by cause:")] : []),
      ...gaps.map(entry));
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      this.draw();
    });
  }

  private draw(): void {
    for (const row of this.rows) row.draw(this.view, this.printing);
    const width = this.overview.clientWidth || 800;
    const context = prepare(this.overview, width, overviewHeight, this.printing);
    drawOverview(context, this.rows.map((row) => row.line), this.whole, this.view, width, overviewHeight,
      themeNow(this.printing));
  }

  private listen(row: Row): void {
    const canvas = row.canvas;
    const placeOf = (x: number): number => (x - row.layout.left) / row.layout.plotWidth;
    canvas.addEventListener("keydown", (event) => this.onKey(event, this.rows.indexOf(row)));
    canvas.addEventListener("wheel", (event) => {
      const across = event.shiftKey ? event.deltaY : event.deltaX;
      if (Math.abs(across) > Math.abs(event.shiftKey ? event.deltaX : event.deltaY)) {
        this.view.pan(across / row.layout.plotWidth);
      } else if (event.ctrlKey || event.metaKey || document.activeElement === canvas) {
        const scale = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 0.05 : 0.002;
        this.view.zoom(Math.exp(Math.max(-1, Math.min(1, event.deltaY * scale))), placeOf(event.offsetX));
      } else {
        return;
      }
      event.preventDefault();
      this.hideTip();
      this.schedule();
    }, { passive: false });
    canvas.addEventListener("dblclick", (event) => {
      this.view.zoom(0.25, placeOf(event.offsetX));
      this.schedule();
    });
    this.listenToPointers(row, placeOf);
  }

  /** One pointer moves, two zoom. */
  private listenToPointers(row: Row, placeOf: (x: number) => number): void {
    const canvas = row.canvas;
    const down = new Map<number, number>();
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      down.set(event.pointerId, event.offsetX);
      canvas.classList.add("dragged");
    });
    canvas.addEventListener("pointermove", (event) => {
      const before = down.get(event.pointerId);
      if (before === undefined) {
        this.showTip(row, event);
        return;
      }
      const others = [...down].filter(([id]) => id !== event.pointerId).map(([, x]) => x);
      down.set(event.pointerId, event.offsetX);
      if (others.length === 0) {
        this.view.pan((before - event.offsetX) / row.layout.plotWidth);
      } else {
        const [old, now] = [Math.abs(before - others[0]!), Math.abs(event.offsetX - others[0]!)];
        if (old > 4 && now > 4) this.view.zoom(old / now, placeOf((event.offsetX + others[0]!) / 2));
      }
      this.hideTip();
      this.schedule();
    });
    const release = (event: PointerEvent): void => {
      down.delete(event.pointerId);
      if (down.size === 0) canvas.classList.remove("dragged");
    };
    canvas.addEventListener("pointerup", (event) => {
      release(event);
      if (event.pointerType === "touch") this.showTip(row, event);
    });
    canvas.addEventListener("pointercancel", release);
    canvas.addEventListener("pointerleave", () => this.hideTip());
  }

  private onKey(event: KeyboardEvent, place: number): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const actions: Record<string, () => void> = {
      "+": () => this.view.zoom(0.5),
      "=": () => this.view.zoom(0.5),
      "-": () => this.view.zoom(2),
      ArrowLeft: () => this.view.pan(-0.2),
      ArrowRight: () => this.view.pan(0.2),
      PageUp: () => this.view.pan(-0.9),
      PageDown: () => this.view.pan(0.9),
      Home: () => this.view.show(this.whole.begin, this.whole.begin + this.view.span),
      End: () => this.view.show(this.whole.end - this.view.span, this.whole.end),
      "0": () => this.view.showAll(),
      "1": () => this.start(),
      g: () => this.showLongestGap(place),
      Escape: () => this.hideTip(),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
    this.schedule();
  }

  private listenToOverview(): void {
    const go = (event: PointerEvent): void => {
      const moment = this.whole.begin + (event.offsetX / this.overview.clientWidth) * this.whole.span;
      this.view.show(moment - this.view.span / 2, moment + this.view.span / 2);
      this.schedule();
    };
    this.overview.addEventListener("pointerdown", (event) => {
      this.overview.setPointerCapture(event.pointerId);
      go(event);
    });
    this.overview.addEventListener("pointermove", (event) => {
      if (event.buttons > 0) go(event);
    });
  }

  private showTip(row: Row, event: PointerEvent): void {
    const lane = row.layout.laneAt(event.offsetY);
    const x = event.offsetX;
    if (!lane || x < row.layout.left) {
      this.hideTip();
      return;
    }
    const about = describe(row.line, lane, row.layout.momentAt(x - 1.5, this.view), row.layout.momentAt(x + 1.5, this.view));
    if (about.length === 0) {
      this.hideTip();
      return;
    }
    const at = row.layout.momentAt(x, this.view);
    this.tip.replaceChildren(...about, element("small", {}, `at ${number(at / 1000, 9)} µs`));
    this.tip.hidden = false;
    const room = document.documentElement.clientWidth;
    const size = this.tip.getBoundingClientRect();
    const left = Math.max(4, Math.min(event.clientX + 14, room - size.width - 8));
    const below = event.clientY + 18;
    const top = below + size.height > innerHeight ? event.clientY - size.height - 14 : below;
    this.tip.style.left = `${left}px`;
    this.tip.style.top = `${Math.max(4, top)}px`;
  }

  private hideTip(): void {
    this.tip.hidden = true;
  }
}

/** The smallest ring, and of the others that of 3, or else the largest. */
export function chooseTwo(recordings: readonly Recording[]): number[] {
  if (recordings.length === 0) return [];
  const bySize = recordings.map((_, index) => index)
    .sort((a, b) => recordings[a]!.ringSize - recordings[b]!.ringSize);
  const [first, ...others] = bySize;
  const second = others.find((index) => recordings[index]!.ringSize === 3) ?? others.at(-1);
  return second === undefined ? [first!] : [first!, second];
}

// Draws lanes on a canvas.
import { isBright, looks, type Kind } from "../colours";
import { duration, tickLabel, tickStep } from "../format";
import type { Lane } from "./lane";
import type { TimeLine } from "./model";
import type { View } from "./view";

const laneGap = 4;
const groupGap = 10;
const axisHeight = 24;
const tickDistance = 90;

export interface Theme {
  dark: boolean;
  text: string;
  faint: string;
  grid: string;
  lane: string;
  background: string;
}

export function themeNow(print: boolean): Theme {
  const dark = !print && matchMedia("(prefers-color-scheme: dark)").matches;
  return dark
    ? { dark, text: "#e8eaed", faint: "#a5abb3", grid: "#363c44", lane: "#20252b", background: "#171b20" }
    : { dark, text: "#1c2024", faint: "#5b636c", grid: "#dde1e6", lane: "#f3f5f7", background: "#ffffff" };
}

export function colourOf(kind: Kind, theme: Theme): string {
  return theme.dark ? looks[kind].dark : looks[kind].light;
}

/** The part of a canvas that shows time. */
interface Frame {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly plotWidth: number;
}

/** Where the lanes of a time line are on its canvas. */
export class Layout implements Frame {
  readonly tops: number[] = [];
  readonly height: number;
  readonly left: number;

  constructor(private readonly lanes: readonly Lane[], readonly width: number) {
    this.left = width < 560 ? 64 : 96;
    let y = 4;
    let group = "";
    for (const lane of lanes) {
      const name = lane.name.replace(/ \d+$/, "");
      if (group !== "" && name !== group) y += groupGap - laneGap;
      group = name;
      this.tops.push(y);
      y += lane.height + laneGap;
    }
    this.height = y + axisHeight;
  }

  get plotWidth(): number {
    return Math.max(this.width - this.left - 1, 1);
  }
  /** The lane at that height. */
  laneAt(y: number): Lane | undefined {
    const index = this.tops.findIndex((top, i) => y >= top && y < top + this.lanes[i]!.height);
    return index < 0 ? undefined : this.lanes[index];
  }
  momentAt(x: number, view: View): number {
    return view.begin + ((x - this.left) / this.plotWidth) * view.span;
  }
}

/** Lanes that are lower have no room for text. */
const leastLabelled = 18;
/** More parts than this for each pixel are not drawn one by one. */
const mostPartsAPixel = 0.75;

class Painter {
  constructor(
    private readonly context: CanvasRenderingContext2D,
    private readonly layout: Frame,
    private readonly view: View,
    private readonly theme: Theme,
  ) {}

  lane(lane: Lane, top: number, laneHeight = lane.height): void {
    const { context, layout, theme, view } = this;
    context.fillStyle = theme.lane;
    context.fillRect(layout.left, top, layout.plotWidth, laneHeight);
    const first = lane.firstAfter(view.begin);
    const last = lane.firstAfter(view.end);
    if (last - first > mostPartsAPixel * layout.plotWidth) this.shares(lane, top, laneHeight);
    else this.parts(lane, top, laneHeight, first, Math.min(last + 1, lane.size));
  }

  /** Each part by itself. */
  private parts(lane: Lane, top: number, laneHeight: number, first: number, last: number): void {
    const { context, layout, theme, view } = this;
    const scale = layout.plotWidth / view.span;
    const right = layout.left + layout.plotWidth;
    for (let i = first; i < last; ++i) {
      const part = lane.part(i);
      let x0 = Math.max(layout.left + (part.begin - view.begin) * scale, layout.left);
      let x1 = Math.min(layout.left + (part.end - view.begin) * scale, right);
      if (x1 <= x0) continue;
      // Wide ones have sharp edges; of narrow ones the width is what counts.
      if (x1 - x0 > 3) [x0, x1] = [Math.round(x0), Math.round(x1)];
      const look = looks[part.kind];
      const height = Math.round(laneHeight * look.height);
      const y = top + laneHeight - height;
      context.globalAlpha = look.alpha;
      context.fillStyle = colourOf(part.kind, theme);
      context.fillRect(x0, y, x1 - x0 > 6 ? x1 - x0 - 1 : x1 - x0, height);
      context.globalAlpha = 1;
      if (x1 - x0 > 34 && height > 13 && laneHeight >= leastLabelled) this.label(part, x0, x1, y, height);
    }
  }

  /** What a part is, as far as there is room for it. */
  private label(part: ReturnType<Lane["part"]>, x0: number, x1: number, y: number, height: number): void {
    const { context, theme } = this;
    const look = looks[part.kind];
    const time = duration(part.end - part.begin);
    const names: Partial<Record<Kind, string>> = {
      work: "work", encoding: "encode", submitting: "submit", queued: "queued", waking: "wake-up", held: "held",
    };
    const name = names[part.kind] ?? look.name;
    const room = x1 - x0 - 8;
    const text = [`${name} ${time}`, name].find((each) => context.measureText(each).width <= room);
    if (text === undefined) return;
    const strong = look.alpha > 0.5;
    context.fillStyle = strong ? (isBright(colourOf(part.kind, theme)) ? "#000000" : "#ffffff") : theme.text;
    context.textAlign = "left";
    context.textBaseline = "middle";
    context.fillText(text, x0 + 4, y + height / 2 + 0.5);
  }

  /** At each pixel, how the time that it stands for was spent: one area on top of the other. */
  private shares(lane: Lane, top: number, laneHeight: number): void {
    const { context, layout, theme, view } = this;
    const columns = Math.max(1, Math.floor(layout.plotWidth));
    const count = lane.kinds.length;
    const step = view.span / columns;
    const heights = new Float64Array(columns * count);
    let before = new Float64Array(count);
    let after = new Float64Array(count);
    lane.timeBefore(view.begin, before);
    for (let column = 0; column < columns; ++column) {
      lane.timeBefore(view.begin + (column + 1) * step, after);
      let sum = 0;
      for (let kind = 0; kind < count; ++kind) {
        sum += Math.max(0, after[kind]! - before[kind]!) / step;
        heights[column * count + kind] = Math.min(sum, 1) * laneHeight;
      }
      [before, after] = [after, before];
    }
    const bottom = top + laneHeight;
    for (let kind = count - 1; kind >= 0; --kind) {
      context.beginPath();
      context.moveTo(layout.left, bottom);
      for (let column = 0; column < columns; ++column) {
        const y = bottom - heights[column * count + kind]!;
        context.lineTo(layout.left + column, y);
        context.lineTo(layout.left + column + 1, y);
      }
      context.lineTo(layout.left + columns, bottom);
      context.closePath();
      // Below it lies what was drawn before, which must not shine through.
      context.fillStyle = theme.lane;
      if (looks[lane.kinds[kind]!].alpha < 1) context.fill();
      context.globalAlpha = looks[lane.kinds[kind]!].alpha;
      context.fillStyle = colourOf(lane.kinds[kind]!, theme);
      context.fill();
      context.globalAlpha = 1;
    }
  }

  names(lanes: readonly Lane[], tops: readonly number[]): void {
    const { context, layout, theme } = this;
    context.textAlign = "right";
    context.textBaseline = "middle";
    context.fillStyle = theme.faint;
    for (const [i, lane] of lanes.entries()) {
      const name = layout.left < 90 ? lane.name.replace("GPU ", "") : lane.name;
      context.fillText(name, layout.left - 8, tops[i]! + lane.height / 2 + 0.5);
    }
  }

  axis(): void {
    const { context, layout, theme, view } = this;
    const step = tickStep((view.span * tickDistance) / layout.plotWidth);
    const scale = layout.plotWidth / view.span;
    const bottom = layout.height - axisHeight;
    context.textBaseline = "top";
    for (let tick = Math.ceil(view.begin / step); tick * step <= view.end; ++tick) {
      const x = Math.round(layout.left + (tick * step - view.begin) * scale);
      context.fillStyle = theme.grid;
      context.fillRect(x, 0, 1, bottom + 4);
      context.fillStyle = theme.faint;
      const text = tickLabel(tick * step, step, view.end);
      const half = context.measureText(text).width / 2;
      const room = Math.min(Math.max(x, layout.left + half), layout.width - half - 1);
      context.textAlign = "center";
      context.fillText(text, room, bottom + 8);
    }
  }

  /** What lies after the end of the recording is not idle time. */
  edges(line: TimeLine): void {
    const { context, layout, theme, view } = this;
    const scale = layout.plotWidth / view.span;
    const x = Math.round(layout.left + (line.end - view.begin) * scale);
    const right = layout.left + layout.plotWidth;
    if (x >= right) return;
    const from = Math.max(x, layout.left);
    context.fillStyle = theme.background;
    context.fillRect(from, 0, right - from + 1, layout.height - axisHeight);
    context.fillStyle = theme.faint;
    context.textAlign = "left";
    context.textBaseline = "middle";
    const text = "end of the recording";
    if (right - from > context.measureText(text).width + 16) {
      context.fillText(text, from + 8, (layout.height - axisHeight) / 2);
    }
  }
}

/** Makes the canvas as large as its box, in the screen's own pixels. Returns what draws in CSS pixels. */
export function prepare(canvas: HTMLCanvasElement, width: number, height: number, print: boolean): CanvasRenderingContext2D {
  const ratio = print ? 3 : Math.max(window.devicePixelRatio, 1);
  const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== across) canvas.width = across;
  if (canvas.height !== down) canvas.height = down;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  if (!context) throw new Error("this browser draws on no canvas");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = "11px system-ui, sans-serif";
  return context;
}

export function drawTimeLine(context: CanvasRenderingContext2D, line: TimeLine, layout: Layout, view: View,
                             theme: Theme): void {
  const painter = new Painter(context, layout, view, theme);
  painter.axis();
  for (const [i, lane] of line.lanes.entries()) painter.lane(lane, layout.tops[i]!);
  painter.edges(line);
  painter.names(line.lanes, layout.tops);
}

/** A strip for each time line, all of it, and which part of it is seen. */
export function drawOverview(context: CanvasRenderingContext2D, lines: readonly TimeLine[], whole: View, seen: View,
                             width: number, height: number, theme: Theme): void {
  const strip = Math.floor((height - 2) / lines.length);
  const painter = new Painter(context, { width, height, left: 0, plotWidth: width }, whole, theme);
  for (const [i, line] of lines.entries()) {
    const lane = line.queues[0];
    if (!lane) continue;
    painter.lane(lane, 1 + i * strip, strip - 2);
  }
  const scale = width / whole.span;
  const x0 = (seen.begin - whole.begin) * scale;
  const x1 = Math.max((seen.end - whole.begin) * scale, x0 + 3);
  context.fillStyle = theme.background;
  context.globalAlpha = 0.45;
  context.fillRect(0, 0, x0, height);
  context.fillRect(x1, 0, width - x1, height);
  context.globalAlpha = 1;
  context.strokeStyle = theme.text;
  context.lineWidth = 1.5;
  context.strokeRect(x0 + 0.75, 0.75, Math.max(x1 - x0 - 1.5, 1.5), height - 1.5);
}

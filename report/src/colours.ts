// The colours of Okabe and Ito, which people with each kind of colour blindness can tell apart.
import type { Cause } from "./data";

/** What a part of the time line can be. */
export const kinds = [
  "work", "queued", "ended", "waiting", "waking", "encoding", "held", "submitting",
  "application", "slot_wait", "wake_up", "encode", "submit", "dependency", "device", "unknown",
] as const;
export type Kind = (typeof kinds)[number];

export interface Look {
  /** For people. */
  name: string;
  light: string;
  dark: string;
  /** How much of the lane's height it takes. */
  height: number;
  /** How strong the colour is. */
  alpha: number;
}

const green = "#009e73";
const vermilion = "#d55e00";
const purple = "#cc79a7";
const sky = "#56b4e9";
const blue = "#0072b2";
const orange = "#e69f00";
const yellow = "#f0e442";

function look(name: string, light: string, height: number, alpha = 1, dark = light): Look {
  return { name, light, dark, height, alpha };
}

/** Gaps are less high than work, so that the two differ in more than colour. */
const gapHeight = 0.62;

export const looks: Record<Kind, Look> = {
  work: look("GPU at work", green, 1),
  queued: look("queued for the GPU", green, 0.62, 0.35),
  ended: look("ended, not yet noticed", "#767676", 0.3, 0.6, "#a0a0a0"),
  waiting: look("waits for a slot", vermilion, 0.3, 0.55),
  waking: look("wakes up", purple, 0.62, 0.8),
  encoding: look("encodes", sky, 1),
  held: look("held back", yellow, 0.62, 0.7),
  submitting: look("submits", blue, 1),
  application: look("application", orange, gapHeight),
  slot_wait: look("slot wait", vermilion, gapHeight),
  wake_up: look("wake-up", purple, gapHeight),
  encode: look("encode", sky, gapHeight),
  submit: look("submit", blue, gapHeight),
  dependency: look("dependency", yellow, gapHeight),
  device: look("device", "#000000", gapHeight, 1, "#f2f2f2"),
  unknown: look("unknown", "#8c8c8c", gapHeight),
};

/** What each cause of a gap says about it. */
export const causeTexts: Record<Cause, string> = {
  application: "the program had not asked for a slot yet",
  slot_wait: "it waited for a slot",
  wake_up: "its slot was free, and its thread still asleep",
  encode: "it was recording commands",
  submit: "the driver's submit call was at work",
  dependency: "it waited for other work",
  device: "the GPU had the work and had not started",
  unknown: "the two clocks are not known well enough",
};

/** Whether black is easier to read on it than white. */
export function isBright(colour: string): boolean {
  const channel = (at: number): number => {
    const value = parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5) > 0.18;
}

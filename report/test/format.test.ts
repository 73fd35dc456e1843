import assert from "node:assert/strict";
import { test } from "node:test";
import { compact, duration, number, percent, plural, tickLabel, tickStep } from "../src/format";
import { isBright } from "../src/colours";

const plain = (text: string): string => text.replace(/[\u00a0\u202f]/g, " ");

test("durations have the unit that fits", () => {
  const cases: [number, string][] = [[0, "0"], [7, "7 ns"], [999.9, "1.00 µs"], [43_800, "43.8 µs"], [44_000, "44 µs"], [1_234_567, "1.23 ms"], [2e9, "2 s"]];
  for (const [ns, text] of cases) assert.equal(plain(duration(ns)), text);
});

test("numbers", () => {
  assert.equal(plain(number(22_727.3, 5)), "22 727");
  assert.equal(plain(number(9_882.41, 5)), "9 882.4");
  assert.equal(number(0.0123), "0.01");
  assert.equal(number(7, 9), "7");
  assert.equal(number(Number.NaN), "–");
  assert.equal(plain(percent(0.4404)), "44.0 %");
  assert.equal(compact(22_698), "22.7k");
  assert.equal(compact(999_900), "1M");
  assert.deepEqual([plain(plural(1, "step")), plain(plural(1200, "step"))], ["1 step", "1 200 steps"]);
});

test("ticks are at round moments", () => {
  assert.deepEqual([tickStep(3), tickStep(1), tickStep(5.1), tickStep(70_000)], [5, 1, 10, 100_000]);
  assert.equal(plain(tickLabel(21_700_000, 100_000, 22_400_000)), "21.7 ms");
  assert.equal(plain(tickLabel(22_000_000, 100_000, 22_400_000)), "22.0 ms");
});

test("text is readable on each colour", () => {
  assert.deepEqual(["#f0e442", "#009e73", "#d55e00", "#0072b2", "#000000"].map(isBright), [true, true, true, false, false]);
});

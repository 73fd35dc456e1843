import assert from "node:assert/strict";
import { test } from "node:test";
import { View } from "../src/timeline/view";

const near = (actual: number, expected: number): void => assert.ok(Math.abs(actual - expected) < 1e-6, `${actual} is not ${expected}`);

test("zoom keeps the moment under the pointer", () => {
  const view = new View({ begin: 0, end: 1e6 });
  view.zoom(0.5, 0.25);
  near(view.begin, 125_000);
  near(view.end, 625_000);
});

test("it stays within what there is", () => {
  const view = new View({ begin: 100, end: 1100 });
  view.zoom(8);
  assert.deepEqual([view.begin, view.end], [100, 1100]);
  view.show(200, 400);
  view.pan(-5);
  assert.deepEqual([view.begin, view.end], [100, 300]);
  view.pan(50);
  assert.deepEqual([view.begin, view.end], [900, 1100]);
});

test("no less than 100 ns is seen", () => {
  const view = new View({ begin: 0, end: 1e9 });
  for (let i = 0; i < 100; ++i) view.zoom(0.5);
  near(view.span, 100);
  const short = new View({ begin: 5, end: 6 });
  near(short.span, 100);
});

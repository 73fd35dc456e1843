import assert from "node:assert/strict";
import { test } from "node:test";
import type { Recording, ReportData } from "../src/data";
import { ringsOf, sentence } from "../src/rings";
import { chooseTwo } from "../src/timeline/panel";

function recording(ringSize: number, stepsPerSecond: number | null, busy = 50): Recording {
  return {
    file: "a.json", device: "x", ringName: "bench", ringSize, queueCount: 1, threadCount: 1, dropped: 0,
    measured: stepsPerSecond === null ? null : { steps: 9, stepsPerSecond, latency: 1 },
    gpu: { queues: 1, submissions: 9, busy, idle: 100 - busy, gaps: 0, gapHistogram: [],
      idleByCause: { application: 0, slot_wait: 0, wake_up: 0, encode: 0, submit: 0, dependency: 0, device: 0, unknown: 0 } },
    findings: [], labels: [], submissions: {} as Recording["submissions"], idle: {} as Recording["idle"],
  };
}
const report = (...recordings: Recording[]): ReportData =>
  ({ reportVersion: 1, tool: "cbr", notes: [], results: [], recordings });
const plain = (data: ReportData): string => sentence(data).replaceAll("\u00a0", " ");

test("one sentence says what was gained", () => {
  assert.equal(plain(report(recording(1, 100, 44), recording(3, 227, 100))),
    "The ring of 3 did 2.27 times as many steps a second as the ring of 1, and the GPU was busy 100 % of the time instead of 44 %.");
  assert.match(plain(report(recording(1, 100, 99), recording(3, 100, 99))), /^No ring that was recorded did more than the ring of 1/);
  assert.equal(plain(report(recording(2, 100, 80))), "One ring of 2 was recorded: the GPU was busy 80 % of the time.");
  assert.match(plain(report(recording(1, null), recording(3, null))), /^No ring/);
  assert.equal(plain(report()), "Nothing was recorded.");
});

test("rings that look alike have a number", () => {
  const names = ringsOf(report(recording(3, 1), recording(3, 1), recording(2, 1))).rings.map((ring) => ring.name);
  assert.deepEqual(names, ["ring of 3, no. 1", "ring of 3, no. 2", "ring of 2"]);
});

test("two recordings are set one above the other", () => {
  const sizes = (...all: number[]): number[] => chooseTwo(all.map((size) => recording(size, 1)));
  assert.deepEqual(sizes(), []);
  assert.deepEqual(sizes(3), [0]);
  assert.deepEqual(sizes(4, 3, 2, 1), [3, 1]);
  assert.deepEqual(sizes(1, 2, 8), [0, 2]);
});

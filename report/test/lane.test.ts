import assert from "node:assert/strict";
import { test } from "node:test";
import { Lane, type Part } from "../src/timeline/lane";

const part = (begin: number, end: number, kind: Part["kind"], submission = 0): Part => ({ begin, end, kind, submission });

test("parts are in order, and none overlaps another", () => {
  const lane = new Lane("x", 20, [part(30, 40, "work"), part(0, 10, "work"), part(5, 20, "encode"), part(12, 15, "submit"), part(7, 7, "work")]);
  assert.equal(lane.size, 3);
  assert.deepEqual(lane.part(1), part(10, 20, "encode"));
  assert.deepEqual(lane.kinds, ["work", "encode"]);
});

test("finds what is at a moment", () => {
  const lane = new Lane("x", 20, [part(0, 10, "work", 7), part(20, 30, "encode", 8)]);
  assert.equal(lane.at(0)?.submission, 7);
  assert.equal(lane.at(9.9)?.submission, 7);
  assert.equal(lane.at(10), undefined);
  assert.equal(lane.at(25)?.kind, "encode");
  assert.equal(lane.at(-1), undefined);
  assert.equal(lane.at(30), undefined);
});

test("adds up time as a walk along all parts does", () => {
  let seed = 1;
  const random = (): number => (seed = (seed * 48271) % 2147483647) / 2147483647;
  const parts: Part[] = [];
  for (let at = 0, i = 0; i < 2000; ++i) {
    at += random() < 0.5 ? 0 : random() * 10;
    const end = at + random() * 5;
    parts.push(part(at, end, random() < 0.5 ? "work" : "encode", i));
    at = end;
  }
  const lane = new Lane("x", 20, parts);
  for (let i = 0; i < 500; ++i) {
    const begin = random() * 9000 - 100;
    const end = begin + random() * 300;
    for (const kind of ["work", "encode", "submit"] as const) {
      const walked = parts.filter((each) => each.kind === kind)
        .reduce((sum, each) => sum + Math.max(0, Math.min(each.end, end) - Math.max(each.begin, begin)), 0);
      assert.ok(Math.abs(lane.timeBetween(begin, end, kind) - walked) < 1e-6);
    }
  }
});

test("an empty lane", () => {
  const lane = new Lane("x", 20, []);
  assert.equal(lane.at(5), undefined);
  assert.equal(lane.timeBetween(0, 10, "work"), 0);
});

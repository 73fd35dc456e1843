// What the part of the time line under the pointer is, in figures.
import { causeTexts, kinds, looks, type Kind } from "../colours";
import { causes, type Cause } from "../data";
import { element } from "../dom";
import { duration, percent } from "../format";
import type { Lane, Part } from "./lane";
import type { TimeLine } from "./model";

const isCause = (kind: Kind): kind is Cause => (causes as readonly string[]).includes(kind);

function row(name: string, value: string): HTMLElement {
  return element("div", {}, element("span", {}, name), element("b", {}, value));
}

function nameOf(line: TimeLine, submission: number): string {
  const { labels, submissions } = line.recording;
  const label = labels[submissions.label[submission]!] ?? "";
  return `submission ${submissions.serial[submission]}${label ? ` “${label}”` : ""}`;
}

function ofGap(line: TimeLine, part: Part): HTMLElement[] {
  const idle = line.recording.idle;
  // The parts of a gap stand together.
  const rows: HTMLElement[] = [];
  let length = 0;
  let exact = part.end - part.begin;
  for (let i = 0; i < idle.submission.length; ++i) {
    if (idle.submission[i] !== part.submission) continue;
    const time = idle.end[i]! - idle.begin[i]!;
    length += time;
    if (causes[idle.cause[i]!] === part.kind) exact = time;
    rows.push(row(looks[causes[idle.cause[i]!]!].name, duration(time)));
  }
  const kind = part.kind as Cause;
  return [
    element("strong", {}, `GPU idle: ${looks[kind].name} ${duration(exact)}`),
    element("p", {}, `In this time ${causeTexts[kind]}. Then came ${nameOf(line, part.submission)}.`),
    row("gap", duration(length)),
    ...(rows.length > 1 ? rows : []),
  ];
}

function ofStory(line: TimeLine, lane: Lane, part: Part): HTMLElement[] {
  const all = line.recording.submissions;
  const i = part.submission;
  const moments: [string, number | null | undefined, number | null | undefined][] = [
    ["waited for a slot", all.acquireBegin[i], all.waited[i] === 1 ? all.acquireEnd[i] : null],
    ["encode", all.acquireEnd[i], all.heldFrom[i] ?? all.submitBegin[i]],
    ["submit", all.submitBegin[i], all.submitEnd[i]],
    ["queued", all.submitEnd[i], all.gpuStart[i]],
    ["GPU", all.gpuStart[i], all.gpuEnd[i]],
    ["noticed after", all.gpuEnd[i], all.noticed[i]],
  ];
  return [
    element("strong", {}, `${lane.name}: ${looks[part.kind].name} ${duration(part.end - part.begin)}`),
    element("p", {}, `${nameOf(line, i)}, slot ${all.slot[i]}${all.failed[i] === 1 ? ", failed" : ""}`),
    ...moments.flatMap(([name, begin, end]) =>
      begin == null || end == null || end < begin ? [] : [row(name, duration(end - begin))]),
  ];
}

/** What is at that moment, or around it where it is too narrow to be pointed at. */
export function describe(line: TimeLine, lane: Lane, begin: number, end: number): HTMLElement[] {
  const middle = (begin + end) / 2;
  const part = lane.at(middle);
  if (part && part.end - part.begin >= 2 * (end - begin)) {
    return isCause(part.kind) ? ofGap(line, part) : ofStory(line, lane, part);
  }
  const shares = kinds
    .map((kind) => ({ kind, share: lane.timeBetween(begin, end, kind) / (end - begin) }))
    .filter(({ share }) => share > 0.0005);
  if (shares.length === 0) return [];
  if (part && shares.length === 1) {
    return isCause(part.kind) ? ofGap(line, part) : ofStory(line, lane, part);
  }
  return [
    element("strong", {}, `${lane.name}: ${duration(end - begin)} around here`),
    ...shares.map(({ kind, share }) => row(isCause(kind) ? `idle: ${looks[kind].name}` : looks[kind].name,
                                           percent(share))),
  ];
}

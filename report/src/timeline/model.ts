// From a recording to the lanes that are drawn.
import { causes, type Recording } from "../data";
import { Lane, type Part } from "./lane";

/** So many lanes of a kind are shown. */
const mostThreads = 8;
const mostSlots = 16;
const mostQueues = 8;

export interface Gap {
  queue: number;
  begin: number;
  end: number;
  submission: number;
}

export interface TimeLine {
  recording: Recording;
  lanes: Lane[];
  queues: Lane[];
  /** From the first moment to the last. */
  begin: number;
  end: number;
  /** When each submission ended on the GPU, in order. */
  ends: Float64Array;
  longestGap: Gap | undefined;
  /** How many lanes are not shown. */
  hidden: number;
}

class Lanes {
  private readonly parts: Part[][] = [];
  hidden = 0;
  constructor(private readonly most: number) {}
  add(lane: number, part: Part): void {
    if (lane >= this.most) {
      this.hidden = Math.max(this.hidden, lane + 1 - this.most);
      return;
    }
    (this.parts[lane] ??= []).push(part);
  }
  make(name: string, height: number): Lane[] {
    return Array.from(this.parts, (parts, index) => new Lane(`${name} ${index}`, height, parts ?? []));
  }
}

/** Puts an entry for each submission's stories into the lanes of threads and slots. */
function addStory(recording: Recording, i: number, threads: Lanes, slots: Lanes): void {
  const all = recording.submissions;
  const thread = all.thread[i]!;
  const slot = all.slot[i]!;
  const asked = all.acquireBegin[i]!;
  const leased = all.acquireEnd[i]!;
  const onThread = (begin: number, end: number, kind: Part["kind"]): void =>
    threads.add(thread, { begin, end, kind, submission: i });
  const onSlot = (begin: number, end: number, kind: Part["kind"]): void =>
    slots.add(slot, { begin, end, kind, submission: i });
  const free = all.slotFree[i];
  if (all.waited[i] === 1) {
    const woken = free == null ? leased : Math.min(Math.max(free, asked), leased);
    onThread(asked, woken, "waiting");
    onThread(woken, leased, "waking");
  }
  const sent = all.submitBegin[i];
  if (sent == null) return;
  const held = all.heldFrom[i] ?? sent;
  onThread(leased, held, "encoding");
  onSlot(leased, held, "encoding");
  onSlot(held, sent, "held");
  const submitted = all.submitEnd[i] ?? sent;
  onThread(sent, submitted, "submitting");
  onSlot(sent, submitted, "submitting");
  const start = all.gpuStart[i];
  const end = all.gpuEnd[i];
  const noticed = all.noticed[i];
  if (start == null || end == null) {
    if (noticed != null) onSlot(submitted, noticed, "queued");
    return;
  }
  onSlot(submitted, start, "queued");
  onSlot(start, end, "work");
  if (noticed != null) onSlot(end, noticed, "ended");
}

export function makeTimeLine(recording: Recording): TimeLine {
  const all = recording.submissions;
  const count = all.serial.length;
  const threads = new Lanes(mostThreads);
  const slots = new Lanes(mostSlots);
  const queues = new Lanes(mostQueues);
  let begin = Infinity;
  let end = -Infinity;
  const ends: number[] = [];
  for (let i = 0; i < count; ++i) {
    addStory(recording, i, threads, slots);
    const gpuStart = all.gpuStart[i];
    const gpuEnd = all.gpuEnd[i];
    if (gpuStart != null && gpuEnd != null) {
      queues.add(all.queue[i]!, { begin: gpuStart, end: gpuEnd, kind: "work", submission: i });
      ends.push(gpuEnd);
    }
    begin = Math.min(begin, all.acquireBegin[i]!);
    end = Math.max(end, all.acquireEnd[i]!, gpuEnd ?? -Infinity, all.noticed[i] ?? -Infinity);
  }
  let longestGap: Gap | undefined;
  let gap: Gap | undefined;
  const idle = recording.idle;
  for (let i = 0; i < idle.begin.length; ++i) {
    const part = { begin: idle.begin[i]!, end: idle.end[i]!, submission: idle.submission[i]! };
    queues.add(idle.queue[i]!, { ...part, kind: causes[idle.cause[i]!] ?? "unknown" });
    if (gap && gap.submission === part.submission) gap.end = part.end;
    else gap = { ...part, queue: idle.queue[i]! };
    if (!longestGap || gap.end - gap.begin > longestGap.end - longestGap.begin) longestGap = { ...gap };
  }
  const queueLanes = queues.make("GPU queue", 30);
  return {
    recording,
    lanes: [...threads.make("thread", 24), ...slots.make("slot", 18), ...queueLanes],
    queues: queueLanes,
    begin: count > 0 ? begin : 0,
    end: count > 0 ? end : 1,
    ends: Float64Array.from(ends).sort(),
    longestGap,
    hidden: threads.hidden + slots.hidden + queues.hidden,
  };
}

/** How many of the sorted moments lie before that one. */
function countBefore(moments: Float64Array, moment: number): number {
  let low = 0;
  let high = moments.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (moments[middle]! < moment) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What the GPU did between two moments. */
export function figuresOf(line: TimeLine, begin: number, end: number): { ended: number; busy: number | null } {
  const ended = countBefore(line.ends, end) - countBefore(line.ends, begin);
  let busy = 0;
  let whole = 0;
  for (const queue of line.queues) {
    const work = queue.timeBetween(begin, end, "work");
    busy += work;
    whole += work;
    for (const cause of causes) whole += queue.timeBetween(begin, end, cause);
  }
  return { ended, busy: whole > 0 ? busy / whole : null };
}

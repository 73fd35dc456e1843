// One line of the time line: what something was at, moment by moment.
import { kinds, type Kind } from "../colours";

export interface Part {
  begin: number;
  end: number;
  kind: Kind;
  /** Which submission it belongs to. */
  submission: number;
}

/**
 * Parts in the order of time, of which none overlaps another. Whatever is asked of it takes time in
 * proportion to the logarithm of their number, so it can be drawn at every scale.
 */
export class Lane {
  readonly size: number;
  /** The kinds that it has, in the order of `kinds`. */
  readonly kinds: readonly Kind[];
  private readonly begins: Float64Array;
  private readonly ends: Float64Array;
  private readonly kindOf: Uint8Array;
  private readonly submissions: Int32Array;
  /** For each kind that it has: the time of that kind in the parts before each place. */
  private readonly before: Float64Array[];

  /** Takes parts in any order. Where two overlap, the later one has what is left of it. */
  constructor(readonly name: string, readonly height: number, parts: Part[]) {
    const sorted = parts.filter((part) => part.end > part.begin).sort((a, b) => a.begin - b.begin);
    this.begins = new Float64Array(sorted.length);
    this.ends = new Float64Array(sorted.length);
    this.kindOf = new Uint8Array(sorted.length);
    this.submissions = new Int32Array(sorted.length);
    let size = 0;
    let last = -Infinity;
    for (const part of sorted) {
      if (part.end <= last) continue;
      this.begins[size] = Math.max(part.begin, last);
      this.ends[size] = last = part.end;
      this.kindOf[size] = kinds.indexOf(part.kind);
      this.submissions[size] = part.submission;
      ++size;
    }
    this.size = size;
    const present = new Set(this.kindOf.subarray(0, size));
    this.kinds = kinds.filter((_, index) => present.has(index));
    this.before = this.kinds.map((kind) => {
      const index = kinds.indexOf(kind);
      const sums = new Float64Array(size + 1);
      for (let i = 0; i < size; ++i) {
        sums[i + 1] = sums[i]! + (this.kindOf[i] === index ? this.ends[i]! - this.begins[i]! : 0);
      }
      return sums;
    });
  }

  /** The first part that ends after that moment: `size` where there is none. */
  firstAfter(moment: number): number {
    let low = 0;
    let high = this.size;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.ends[middle]! > moment) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  part(index: number): Part {
    return {
      begin: this.begins[index]!,
      end: this.ends[index]!,
      kind: kinds[this.kindOf[index]!]!,
      submission: this.submissions[index]!,
    };
  }

  /** What the lane was at, at that moment. */
  at(moment: number): Part | undefined {
    const index = this.firstAfter(moment);
    return index < this.size && this.begins[index]! <= moment ? this.part(index) : undefined;
  }

  /** How much time of each of its kinds lies before that moment, written into `into`. */
  timeBefore(moment: number, into: Float64Array): void {
    const index = this.firstAfter(moment);
    for (let kind = 0; kind < this.kinds.length; ++kind) into[kind] = this.before[kind]![index]!;
    if (index < this.size && this.begins[index]! < moment) {
      const kind = this.kinds.indexOf(kinds[this.kindOf[index]!]!);
      into[kind]! += moment - this.begins[index]!;
    }
  }

  /** How much time of one kind lies between two moments. */
  timeBetween(begin: number, end: number, kind: Kind): number {
    const place = this.kinds.indexOf(kind);
    if (place < 0) return 0;
    const sums = new Float64Array(this.kinds.length);
    this.timeBefore(end, sums);
    const all = sums[place]!;
    this.timeBefore(begin, sums);
    return all - sums[place]!;
  }
}

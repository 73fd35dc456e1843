// Which stretch of time is seen. Pure logic.

/** No less than this is seen, in nanoseconds. */
const leastSpan = 100;

export class View {
  begin: number;
  end: number;

  /** `whole` is all that there is to see. */
  constructor(private readonly whole: { begin: number; end: number }) {
    this.begin = whole.begin;
    this.end = Math.max(whole.end, whole.begin + leastSpan);
  }

  get span(): number {
    return this.end - this.begin;
  }

  /** Shows from `begin` to `end`, as far as there is something. */
  show(begin: number, end: number): void {
    const most = Math.max(this.whole.end - this.whole.begin, leastSpan);
    const span = Math.min(Math.max(end - begin, leastSpan), most);
    const middle = (begin + end) / 2;
    const latest = this.whole.begin + most - span;
    this.begin = Math.min(Math.max(middle - span / 2, this.whole.begin), latest);
    this.end = this.begin + span;
  }

  showAll(): void {
    this.show(this.whole.begin, this.whole.end);
  }

  /** Shows `factor` times as much; the moment at `place`, from 0 at the left to 1, stays where it is. */
  zoom(factor: number, place = 0.5): void {
    const moment = this.begin + place * this.span;
    const most = Math.max(this.whole.end - this.whole.begin, leastSpan);
    const span = Math.min(Math.max(this.span * factor, leastSpan), most);
    const begin = moment - place * span;
    this.show(begin, begin + span);
  }

  /** Moves on by a share of what is seen. */
  pan(share: number): void {
    this.show(this.begin + share * this.span, this.end + share * this.span);
  }
}

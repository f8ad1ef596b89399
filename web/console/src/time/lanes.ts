// Lanes: spans that overlap are drawn below each other. Owns geometry only.

export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Lanes {
  /** The lane of each span, in the order given. */
  readonly lane: readonly number[];
  readonly count: number;
}

/** Give each span the first lane that is free when it begins. Spans that only touch share a lane. One lane at least. */
export function lanesOf(spans: readonly Span[]): Lanes {
  const order = spans.map((_, at) => at).sort((a, b) => spans[a]!.fromMs - spans[b]!.fromMs || spans[b]!.toMs - spans[a]!.toMs || a - b);
  const lane = new Array<number>(spans.length).fill(0);
  const ends: number[] = [];
  for (const at of order) {
    const { fromMs, toMs } = spans[at]!;
    let free = ends.findIndex((end) => end <= fromMs);
    if (free < 0) free = ends.push(0) - 1;
    ends[free] = toMs;
    lane[at] = free;
  }
  return { lane, count: Math.max(1, ends.length) };
}

/** Tops of rows that stand below each other: `tops[n]` is where row n begins, the last is the height of all. */
export function topsOf(heights: readonly number[]): number[] {
  const tops = [0];
  for (const height of heights) tops.push(tops[tops.length - 1]! + height);
  return tops;
}

/** The row that covers a height; the nearest one for a height outside, -1 without rows. */
export function rowAt(tops: readonly number[], y: number): number {
  let low = 0;
  let high = tops.length - 2;
  if (high < 0) return -1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (tops[middle]! <= y) low = middle;
    else high = middle - 1;
  }
  return low;
}

// Small signs of the timeline, so that nothing is told by colour alone. Each is drawn in the colour of the text around it.

import type { JSX } from "preact";
import type { Look } from "./bars";

const PATHS = {
  tentative: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11M8 5v3.2l2 1.3",
  sent: "M2 8l12-5.5-4.2 11L7.6 9z",
  accepted: "M3 8.5l3.4 3.4L13.2 4.6",
  travelling: "M2.5 8h10M9 4.3L12.7 8 9 11.7",
  working: "M9.7 2.6a3.6 3.6 0 0 0-3.4 5L2.4 11.5l2.1 2.1 3.9-3.9a3.6 3.6 0 0 0 4.9-4.4L11 7.6 8.4 5l2.3-2.3z",
  paused: "M5.5 3.5v9M10.5 3.5v9",
  done: "M1.5 8.5l3 3 5.5-7M7.5 10.5l1.2 1L14.5 4.5",
  trouble: "M8 2.5l6 10.8H2zM8 6.5v3.2M8 11.6v.1",
  lock: "M4 7.5h8v6H4zM5.5 7.5V5.2a2.5 2.5 0 0 1 5 0v2.3",
  late: "M8 3.5a5 5 0 1 0 0 10 5 5 0 0 0 0-10M8 6v3l2 1M6.5 1.5h3",
  urgent: "M8 2.5v7M8 12.7v.1",
  swap: "M3 5.5h10M10.5 3l2.5 2.5L10.5 8M13 10.5H3M5.5 8L3 10.5 5.5 13",
  move: "M8 1.5v13M1.5 8h13M8 1.5L6.2 3.3M8 1.5l1.8 1.8M8 14.5l-1.8-1.8M8 14.5l1.8-1.8M1.5 8l1.8-1.8M1.5 8l1.8 1.8M14.5 8l-1.8-1.8M14.5 8l-1.8 1.8",
  back: "M6 3.5L2.5 7 6 10.5M2.5 7h7a4 4 0 0 1 0 8H8",
  phone: "M5 1.8h6v12.4H5zM7.3 12.2h1.4",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  earlier: "M10 3L5 8l5 5",
  later: "M6 3l5 5-5 5",
  storm: "M4.5 9.5a3 3 0 0 1 .3-6 4 4 0 0 1 7.4 1.2A2.5 2.5 0 0 1 12 9.5M8.5 7L6.5 10.5h3L7.5 14",
  inbox: "M2 9l2-6h8l2 6v4H2zM2 9h3.5l1 2h3l1-2H14",
  break: "M3 4.5h8v4.5a3 3 0 0 1-3 3H6a3 3 0 0 1-3-3zM11 5.5h1.2a1.7 1.7 0 0 1 0 3.4H11M3 14h8",
  store: "M2 5l6-3 6 3v6l-6 3-6-3zM2 5l6 3 6-3M8 8v6",
  plan: "M2.5 4h6M6.5 8h7M4 12h5M2.5 2v12",
} as const satisfies Record<Look | string, string>;

export type Sign = keyof typeof PATHS;

/** Draw a sign, `size` pixels where letters have 14; decoration beside words, so that readers of screens pass over it. */
export function Icon({ sign, size = 14 }: { sign: Sign; size?: number }): JSX.Element {
  return (
    <svg class={`sign sign-${sign}`} viewBox="0 0 16 16" width={`${size / 14}rem`} height={`${size / 14}rem`} aria-hidden="true" focusable="false">
      <path d={PATHS[sign]} fill="none" stroke="currentColor" stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  );
}

// Small drawings of our own, 16 by 16, in the colour of the text around them.

const DRAWN = {
  close: "M3.5 3.5l9 9m0-9l-9 9",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zm3.6-1.4L14 14",
  filter: "M2 3h12l-4.5 5.5V13l-3-1.5v-3z",
  help: "M5.8 6a2.2 2.2 0 1 1 3.4 1.9c-.8.5-1.2.9-1.2 1.8m0 2.2v.4M8 15A7 7 0 1 0 8 1a7 7 0 0 0 0 14z",
  theme: "M8 2a6 6 0 1 0 0 12zM8 2a6 6 0 0 1 0 12",
  screen: "M1.5 3h13v8h-13zM5 14h6M8 11v3",
  leave: "M9.5 2.5h-7v11h7M6.5 8h8m-3-3l3 3-3 3",
  clock: "M8 15A7 7 0 1 0 8 1a7 7 0 0 0 0 14zM8 4v4l2.8 1.8",
  crew: "M6 8a2.6 2.6 0 1 0 0-5.2A2.6 2.6 0 0 0 6 8zm-5 5.5c0-2.6 2.2-4 5-4s5 1.4 5 4M10.7 3a2.6 2.6 0 0 1 0 4.8m1.2 2c1.9.5 3.1 1.8 3.1 3.7",
  flag: "M3.5 14.5v-12h9l-2 3.2 2 3.3h-9",
  conflict: "M8 2l6.5 12h-13zM8 6.5v3.6m0 1.8v.3",
  lock: "M3.5 7h9v7h-9zM5.5 7V4.8a2.5 2.5 0 0 1 5 0V7",
  link: "M6.8 9.2a2.6 2.6 0 0 0 3.7 0l2.2-2.2a2.6 2.6 0 0 0-3.7-3.7l-.9.9M9.2 6.8a2.6 2.6 0 0 0-3.7 0L3.3 9A2.6 2.6 0 0 0 7 12.7l.9-.9",
  pin: "M8 1.5c2.8 0 4.7 2.1 4.7 4.8C12.7 10 8 14.5 8 14.5S3.3 10 3.3 6.3c0-2.7 1.9-4.8 4.7-4.8zm0 6.4a1.7 1.7 0 1 0 0-3.4 1.7 1.7 0 0 0 0 3.4z",
  more: "M3 8h.1M8 8h.1M13 8h.1",
  undo: "M6 3L2.5 6.5 6 10M2.5 6.5H10a3.5 3.5 0 0 1 0 7H6",
  phone: "M4.5 1.5h7v13h-7zM7.3 12.4h1.4",
  storm: "M9 1.5L3.5 9H8l-1 5.5L12.5 7H8z",
  inbox: "M1.5 9.5L4 2.5h8l2.5 7v4h-13zM1.5 9.5h3.8l1 1.8h3.4l1-1.8h3.8",
  plan: "M2 3.5h6M5 8h6M8 12.5h6",
  replay: "M2.5 8a5.5 5.5 0 1 0 1.8-4.1M2.5 2v3h3",
  left: "M10 3L5 8l5 5",
  right: "M6 3l5 5-5 5",
} as const;

export type IconName = keyof typeof DRAWN;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width={`${size / 14}rem`} height={`${size / 14}rem`} aria-hidden="true" focusable="false">
      <path d={DRAWN[name]} fill="none" stroke="currentColor" stroke-width="1.4" stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  );
}

// A border between panes that can be moved, by pointer and by keyboard.

import { t, type Key } from "../words";

interface Props {
  readonly says: Key;
  readonly vertical: boolean;
  /** The size of what is before the border, in percent. */
  readonly percent: number;
  /** Called with the new size in percent. */
  readonly move: (percent: number) => void;
}

const STEP = 2;

export function Splitter({ says, vertical, percent, move }: Props) {
  function press(event: PointerEvent): void {
    const handle = event.currentTarget as HTMLElement;
    const area = handle.parentElement?.getBoundingClientRect();
    if (!area) return;
    handle.setPointerCapture(event.pointerId);
    const follow = (at: PointerEvent): void =>
      move(vertical ? ((at.clientX - area.left) / area.width) * 100 : ((at.clientY - area.top) / area.height) * 100);
    handle.addEventListener("pointermove", follow);
    handle.addEventListener("lostpointercapture", () => handle.removeEventListener("pointermove", follow), { once: true });
  }

  function key(event: KeyboardEvent): void {
    const less = vertical ? "ArrowLeft" : "ArrowUp";
    const more = vertical ? "ArrowRight" : "ArrowDown";
    if (event.key !== less && event.key !== more) return;
    event.preventDefault();
    move(percent + (event.key === more ? STEP : -STEP));
  }

  return (
    <div
      class={`splitter ${vertical ? "upright" : "level"}`} role="separator" tabIndex={0} aria-label={t(says)}
      aria-orientation={vertical ? "vertical" : "horizontal"} aria-valuenow={Math.round(percent)} aria-valuemin={15} aria-valuemax={85}
      onPointerDown={press} onKeyDown={key}
    />
  );
}

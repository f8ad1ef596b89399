// Rows of a long list: only those in view exist.

import { elementScroll, observeElementOffset, observeElementRect, type VirtualItem, Virtualizer } from "@tanstack/virtual-core";
import { useSignal } from "@preact/signals";
import { type RefObject } from "preact";
import { useLayoutEffect, useMemo } from "preact/hooks";

export interface Rows {
  readonly items: readonly VirtualItem[];
  readonly heightPx: number;
  show(index: number): void;
}

/** Follow the scrolling of an element that shows `count` rows of one height. */
export function useRows(scroller: RefObject<HTMLElement | null>, count: number, rowPx: number): Rows {
  const drawn = useSignal(0);
  const virtualizer = useMemo(
    () => new Virtualizer<HTMLElement, HTMLElement>({
      count, getScrollElement: () => scroller.current, estimateSize: () => rowPx, overscan: 8,
      scrollToFn: elementScroll, observeElementRect, observeElementOffset, onChange: () => (drawn.value += 1),
    }),
    [],
  );
  drawn.value;
  const options = { ...virtualizer.options, count, estimateSize: () => rowPx };
  const resized = virtualizer.options.estimateSize(0) !== rowPx;
  virtualizer.setOptions(options);
  if (resized) virtualizer.measure();
  useLayoutEffect(() => virtualizer._didMount(), []);
  useLayoutEffect(() => virtualizer._willUpdate());
  return {
    items: virtualizer.getVirtualItems(),
    heightPx: virtualizer.getTotalSize(),
    show: (index) => virtualizer.scrollToIndex(index, { align: "auto" }),
  };
}

// One reading at a time: whoever asks meanwhile gets one more when it is done. A slow server is not asked the same thing twice at once.

/** Wrap a reading so that it never runs beside itself. The promise is done when a reading that began after the call is. */
export function single(read: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | null = null;
  let next: Promise<void> | null = null;
  const begin = (): Promise<void> => {
    running = read().finally(() => {
      running = null;
    });
    return running;
  };
  return () => {
    if (!running) return begin();
    next ??= running.then(() => {
      next = null;
      return begin();
    });
    return next;
  };
}

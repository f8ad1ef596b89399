// The dialog that is open, one at a time: whoever wants one gives its content.

import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../words";
import { Icon } from "./Icon";

interface Shown {
  readonly title: string;
  readonly content: () => ComponentChildren;
}

const modal = signal<Shown | null>(null);

/** Open a dialog; an earlier one closes. */
export function openModal(title: string, content: () => ComponentChildren): void {
  modal.value = { title, content };
}

export function closeModal(): void {
  modal.value = null;
}

export function Modal() {
  const dialog = useRef<HTMLDialogElement>(null);
  const shown = modal.value;
  useEffect(() => {
    if (shown && dialog.current && !dialog.current.open) dialog.current.showModal();
    if (!shown) dialog.current?.close();
  }, [shown]);
  return (
    <dialog ref={dialog} class="card modal" aria-labelledby="modal-title" onClose={closeModal}>
      {shown && (
        <>
          <header class="panel-head">
            <h2 id="modal-title">{shown.title}</h2>
            <button type="button" class="bare" aria-label={t("close")} onClick={closeModal}><Icon name="close" /></button>
          </header>
          {shown.content()}
        </>
      )}
    </dialog>
  );
}

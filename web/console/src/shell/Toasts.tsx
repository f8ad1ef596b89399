// Messages at the edge of the screen, with the button that undoes what they tell.

import { undo } from "../state/send";
import { dismiss, toasts } from "../state/toasts";
import { t } from "../words";
import { Icon } from "./Icon";

export function Toasts() {
  return (
    <section class="toasts" aria-label={t("messages")} aria-live="polite">
      {toasts.value.map((toast) => (
        <div key={toast.id} class={`toast ${toast.bad ? "bad" : ""}`} role={toast.bad ? "alert" : undefined}>
          <p>{toast.text}</p>
          {toast.undo.length > 0 && (
            <button type="button" onClick={() => { dismiss(toast.id); void undo(toast.undo); }}><Icon name="undo" /> {t("undo")}</button>
          )}
          <button type="button" class="bare" aria-label={t("close")} onClick={() => dismiss(toast.id)}><Icon name="close" size={12} /></button>
        </div>
      ))}
    </section>
  );
}

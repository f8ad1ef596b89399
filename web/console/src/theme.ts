// Light or dark: as the system has it, or as somebody chose. Sets `data-theme` on the root, which style sheets read.

import { computed, effect, signal } from "@preact/signals";

export type Theme = "auto" | "light" | "dark";

const KEY = "onsite.theme";
const system = window.matchMedia("(prefers-color-scheme: dark)");
const systemDark = signal(system.matches);

export const theme = signal<Theme>(kept());
/** Whether colours are dark now: for what is drawn by script. */
export const dark = computed(() => (theme.value === "auto" ? systemDark.value : theme.value === "dark"));

/** Begin to follow the system and the choice. */
export function startTheme(): void {
  system.addEventListener("change", () => (systemDark.value = system.matches));
  effect(() => {
    document.documentElement.dataset.theme = dark.value ? "dark" : "light";
  });
}

/** Choose the next: as the system, light, dark. */
export function nextTheme(): void {
  theme.value = theme.value === "auto" ? "light" : theme.value === "light" ? "dark" : "auto";
  localStorage.setItem(KEY, theme.value);
}

/** The value of a colour of the style sheet now, for canvases and maps. Read `dark.value` beside it to follow changes. */
export function colour(name: `--${string}`): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function kept(): Theme {
  const chosen = localStorage.getItem(KEY);
  return chosen === "light" || chosen === "dark" ? chosen : "auto";
}

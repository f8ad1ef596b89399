// What the console says, in English and Chinese. Each area adds a section file of its own here.

import { computed, signal } from "@preact/signals";
import { codes } from "./codes";
import { map } from "./map";
import { shell } from "./shell";
import { time } from "./time";

const TEXTS = { ...shell, ...map, ...time };
const KEY = "onsite.language";

export type Language = "en" | "zh";
export type Key = keyof typeof TEXTS;

export const language = signal<Language>(pick());
/** The tag for `lang` attributes and for Intl. */
export const locale = computed(() => (language.value === "zh" ? "zh-CN" : "en"));

/** Say a text, with its places filled. Read within a component or an effect it follows the language. */
export function t(key: Key, values: Readonly<Record<string, string | number>> = {}): string {
  const text = TEXTS[key][language.value === "zh" ? 1 : 0];
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}

/** Say a code of the contract in words. */
export function words(code: string): string {
  const known = codes[code];
  return known ? known[language.value === "zh" ? 1 : 0] : code.replaceAll("_", " ");
}

/** Choose between the two lines of a text that the organisation wrote. */
export function local(text: { en: string; zh?: string } | undefined): string {
  return (language.value === "zh" && text?.zh) || text?.en || "";
}

export function speak(chosen: Language): void {
  language.value = chosen;
  localStorage.setItem(KEY, chosen);
}

function pick(): Language {
  const kept = localStorage.getItem(KEY);
  if (kept === "en" || kept === "zh") return kept;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

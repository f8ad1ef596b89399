// English or Chinese.

import { language, speak, t } from "../words";

export function LanguageSwitch() {
  return (
    <div class="switch" role="group" aria-label={t("language")}>
      <button type="button" lang="en" aria-pressed={language.value === "en"} onClick={() => speak("en")}>EN</button>
      <button type="button" lang="zh-CN" aria-pressed={language.value === "zh"} onClick={() => speak("zh")}>中文</button>
    </div>
  );
}

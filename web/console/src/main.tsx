// The beginning: what has to run before anything is drawn, then the page.

import { effect } from "@preact/signals";
import { render } from "preact";
import { App } from "./app";
import { startKeys } from "./keys";
import { startTheme } from "./theme";
import { startClock } from "./times";
import { locale } from "./words";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/list.css";

startTheme();
startClock();
startKeys();
effect(() => {
  document.documentElement.lang = locale.value;
});
const root = document.getElementById("app");
if (root) render(<App />, root);

// The page: who may see what is decided by the server; here is only what is shown when.

import { clear, draw, show } from "./board.js";
import { call, forget, Refused, resume, signIn, signOut } from "./session.js";
import { currentLanguage, speak, t } from "./texts.js";
import { clock } from "./times.js";
import { watch } from "./watching.js";

const ORG = "onsite.org";
const TICK_MS = 10_000;
const PARTS = ["gate", "renewal", "board"];

let watching = null;
let state = "";
let seenAt = 0;

const part = (id) => document.getElementById(id);

async function begin() {
  speak(currentLanguage());
  for (const button of document.querySelectorAll("[data-language]")) {
    button.addEventListener("click", () => changeLanguage(button.dataset.language));
  }
  part("sign-in").addEventListener("submit", onSignIn);
  part("change-password").addEventListener("submit", onChangePassword);
  part("leave").addEventListener("click", onLeave);
  new ResizeObserver(draw).observe(part("strip"));
  setInterval(draw, TICK_MS);
  part("org").value = new URLSearchParams(location.search).get("org") || localStorage.getItem(ORG) || "";
  try {
    const found = await resume();
    if (found) enter(found.mustChange);
    else openGate();
  } catch {
    openGate(t("no_server"));
  }
}

function open(name) {
  for (const each of PARTS) part(each).hidden = each !== name;
  part("leave").hidden = name === "gate";
  part("status").hidden = name !== "board";
}

function openGate(problem = "") {
  watching?.stop();
  watching = null;
  clear();
  open("gate");
  part("sign-in-problem").textContent = problem;
  part("password").value = "";
  part(part("org").value ? (part("login").value ? "password" : "login") : "org").focus();
}

function enter(mustChange) {
  if (mustChange) {
    open("renewal");
    part("old").focus();
    return;
  }
  open("board");
  part("content").focus();
  watching?.stop();
  watching = watch({ show: (summary, offsetMs) => show(summary, offsetMs), tell, end: onEnd });
}

async function onSignIn(event) {
  event.preventDefault();
  const form = event.target;
  await busy(form, "sign-in-problem", async () => {
    const org = form.org.value.trim().toLowerCase();
    const mustChange = await signIn(org, form.login.value.trim(), form.password.value);
    localStorage.setItem(ORG, org);
    if (mustChange) {
      part("whose").value = form.login.value.trim();
      part("old").value = form.password.value;
    }
    form.password.value = "";
    enter(mustChange);
  });
}

async function onChangePassword(event) {
  event.preventDefault();
  const form = event.target;
  await busy(form, "change-problem", async () => {
    const body = JSON.stringify({ current: form.old.value, new: form.new.value });
    await call("/api/v1/auth/password", { method: "POST", body });
    form.reset();
    enter(false);
  });
}

async function busy(form, problem, work) {
  const button = form.querySelector("button[type=submit]");
  part(problem).textContent = "";
  button.disabled = true;
  try {
    await work();
  } catch (error) {
    part(problem).textContent = error instanceof Refused ? error.message : t("no_server");
  } finally {
    button.disabled = false;
  }
}

async function onLeave() {
  watching?.stop();
  await signOut().catch(() => {});
  openGate();
}

function onEnd(error) {
  if (error.status === 403 && error.code === "forbidden") {
    signOut().catch(() => {});
    openGate(t("no_access"));
    return;
  }
  forget();
  openGate(error.message);
}

function tell(now) {
  state = now;
  if (now === "live") seenAt = Date.now();
  const text = now === "away" ? t("away", { time: clock(seenAt || Date.now(), true) }) : t(now);
  const status = part("status");
  status.className = `status ${now}`;
  if (status.textContent !== text) status.textContent = text;
}

function changeLanguage(chosen) {
  speak(chosen);
  if (state) tell(state);
  draw();
  watching?.anew();
}

begin();

"use strict";
// Fetches each part of the page again when its time has come, and waits while somebody reads.

const button = document.getElementById("live");
const parts = [...document.querySelectorAll("[data-src]")].map((element) => ({
  element,
  every: Number(element.dataset.every),
  due: performance.now() + Number(element.dataset.every),
}));
let isPaused = false;

function reasonToWait() {
  if (isPaused) return "Paused";
  if (document.hidden) return "Hidden";
  if (window.scrollY > 120) return "Paused while scrolled";
  if (!document.getSelection().isCollapsed) return "Paused while text is marked";
  if (document.activeElement.closest("form")) return "Paused while you filter";
  if (document.querySelector("main details[open]")) return "Paused while an entry is open";
  if (document.querySelector("[data-src] :focus-visible")) return "Paused while you choose";
  return null;
}

function show(text, isLive) {
  if (button.textContent !== text) button.textContent = text;
  button.classList.toggle("on", isLive);
  button.setAttribute("aria-pressed", String(!isPaused));
}

async function refresh(part) {
  const start = performance.now();
  const answer = await fetch(part.element.dataset.src, { signal: AbortSignal.timeout(10000) });
  if (!answer.ok) throw new Error(answer.statusText);
  const html = await answer.text();
  // What takes the listener long is asked for less often.
  part.due = performance.now() + Math.max(part.every, 10 * (performance.now() - start));
  if (html === part.html || reasonToWait() || part.element.querySelector("details[open]")) return;
  part.html = html;
  part.element.innerHTML = html;
}

async function tick() {
  const reason = reasonToWait();
  try {
    for (const part of reason ? [] : parts.filter((part) => part.due <= performance.now())) {
      part.due = performance.now() + part.every;
      await refresh(part);
    }
    show(reason ?? "Live", reason === null);
  } catch {
    show("No answer", false);
  }
  setTimeout(tick, 500);
}

if (button && parts.length > 0) {
  button.hidden = false;
  button.addEventListener("click", () => { isPaused = !isPaused; });
  tick();
}

// The page: its modes and buttons.

import { Camera } from "./camera.js";
import { $, say } from "./dom.js";
import { Engine } from "./engine.js";
import { Live } from "./live.js";
import { Photos } from "./photos.js";
import { Recorder } from "./recorder.js";
import { fillTexts, TEXTS } from "./texts.js";
import { View } from "./view.js";

const view = new View();
let mode = "camera";
let waiting = TEXTS.loading; // what is said of the nets while they are not there
let live, photos, recorder; // once they are

const idleText = () => waiting || (mode === "photo" ? TEXTS.photoIdle : TEXTS.cameraIdle);

// ---- buttons

function buttons() {
  const photo = mode === "photo", state = live?.state ?? "off";
  const running = state === "on" || state === "turning";
  $("start").hidden = photo;
  $("start").disabled = !live || state === "starting";
  $("start").textContent = running ? TEXTS.stop : TEXTS.start;
  $("flip").hidden = !running;
  $("turn").hidden = !(running && live.several);
  $("turn").disabled = state === "turning";
  $("file-label").hidden = $("drop").hidden = !photo;
  $("file").disabled = !photos;
  $("recorder").hidden = mode !== "record";
}

function switchTo(next) {
  const other = (next === "photo") !== (mode === "photo");
  mode = next;
  for (const button of document.querySelectorAll("[data-mode]")) {
    button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
  }
  recorder?.stop();
  if (live) live.thorough = mode === "record";
  if (other) {
    live?.stop();
    photos?.leave();
    view.empty(idleText());
  }
  buttons();
}

function openPhoto(file) {
  if (!photos || !file) return;
  if (mode !== "photo") switchTo("photo");
  photos.open(file);
}

function listen() {
  for (const button of document.querySelectorAll("[data-mode]")) {
    button.addEventListener("click", () => switchTo(button.dataset.mode));
  }
  $("start").addEventListener("click", () => (live.state === "off" ? live.start() : live.stop()));
  $("flip").addEventListener("click", () => {
    view.stage.mirrored = !view.stage.mirrored;
    $("flip").setAttribute("aria-pressed", String(view.stage.mirrored));
  });
  $("turn").addEventListener("click", () => live.turn());
  $("explain").addEventListener("click", () => view.explain());
  $("file").addEventListener("change", () => {
    openPhoto($("file").files[0]);
    $("file").value = ""; // the same photo can be chosen again
  });
  $("stage").addEventListener("dragover", (event) => {
    event.preventDefault();
    $("stage").classList.add("over");
  });
  $("stage").addEventListener("dragleave", () => $("stage").classList.remove("over"));
  $("stage").addEventListener("drop", (event) => {
    event.preventDefault();
    $("stage").classList.remove("over");
    openPhoto(event.dataTransfer.files[0]);
  });
  document.addEventListener("paste", (event) => openPhoto(event.clipboardData.files[0]));
  window.addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    $("install").hidden = false;
    $("install").onclick = () => event.prompt();
  });
  window.addEventListener("appinstalled", () => ($("install").hidden = true));
}

// ---- loading

async function keepOffline() {
  if (!navigator.serviceWorker) return;
  try {
    await navigator.serviceWorker.register("sw.js", { updateViaCache: "none" });
    await navigator.serviceWorker.ready;
    say("offline", TEXTS.offlineReady);
  } catch {
    // a browser that forbids it: the page works, but not without a network
  }
}

async function loadEngine() {
  try {
    const engine = await Engine.load();
    waiting = "";
    return engine;
  } catch (error) {
    console.warn(error);
    waiting = TEXTS.loadFailed;
    return null;
  } finally {
    say("placeholder", idleText());
  }
}

async function main() {
  fillTexts();
  view.empty(idleText());
  buttons();
  listen();
  const engine = await loadEngine();
  if (!engine) return;
  const camera = new Camera($("video"));
  view.use(engine);
  recorder = new Recorder(engine, camera);
  live = new Live(engine, view, camera, recorder, buttons);
  live.thorough = mode === "record";
  photos = new Photos(engine, view);
  say("about-net", TEXTS.aboutNet(engine.facts));
  buttons();
  document.documentElement.dataset.ready = "yes";
  await keepOffline();
}

main();

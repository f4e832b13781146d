// The page: modes, buttons, and the loop from frame to frame.

import { brightness } from "./arithmetic.js";
import { Camera } from "./camera.js";
import { best, Cards, percent } from "./cards.js";
import { Engine } from "./engine.js";
import { mapPicture, occlusionMap } from "./explain.js";
import { readPhoto, toPixels } from "./pixels.js";
import { Recorder } from "./recorder.js";
import { Stage } from "./stage.js";
import { fillTexts, TEXTS } from "./texts.js";
import { Tracker } from "./tracking.js";
import { Watcher } from "./watching.js";

const DARK = 50; // mean gray level below which more light would help
const PATIENCE = 700; // ms without a face before a hint
const ANNOUNCE = 2000; // ms between two announcements to a screen reader

const $ = (id) => document.getElementById(id);
const camera = new Camera($("video")), stage = new Stage($("picture")), tracker = new Tracker();
let engine, cards, recorder;
let mode = "camera";
let view = null; // what is shown: {source, width, height, faces}
let explained = false;
let round = 0; // of the camera loop; a new one ends the old

function say(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}

// ---- what is shown

function show(source, pixels, faces) {
  view = { source, width: pixels.width, height: pixels.height, faces };
  for (const face of faces) {
    const top = best(face.probabilities);
    face.text = `${faces.length > 1 ? `${face.number} ` : ""}${engine.classes[top]} ${percent(face.probabilities[top])} %`;
  }
  say("placeholder", "");
  $("stage").classList.remove("empty");
  stage.draw(source, view.width, view.height, faces);
  cards.show(faces);
  $("explain").disabled = !faces.length;
}

function summarize(faces, none) {
  if (!faces.length) return none;
  const labels = faces.map((face) => engine.classes[best(face.probabilities)]);
  if (labels.length > 1) return TEXTS.manyFaces(labels.length, labels.join(", "));
  return TEXTS.oneFace(labels[0], percent(Math.max(...faces[0].probabilities)));
}

let announced = { labels: "", time: 0 };
function announce(faces, none, now) {
  const labels = faces.map((face) => best(face.probabilities)).join();
  if (labels === announced.labels || now - announced.time < ANNOUNCE) return;
  announced = { labels, time: now };
  const summary = summarize(faces, none);
  say("summary", summary);
  $("picture").setAttribute("aria-label", TEXTS.stagePicture(summary));
}

function empty(text) {
  view = null;
  announced = { labels: "", time: 0 };
  tracker.reset();
  stage.clear();
  $("stage").classList.add("empty");
  cards?.show([]);
  for (const id of ["hint", "timing", "legend", "summary"]) say(id, "");
  say("placeholder", text);
  $("picture").setAttribute("aria-label", TEXTS.stageEmpty);
  $("explain").hidden = true;
  explainOff();
}

function explainOff() {
  explained = false;
  $("explain").textContent = TEXTS.explain;
  say("legend", "");
}

// ---- camera

async function start() {
  $("start").disabled = true;
  try {
    await camera.start();
  } catch (error) {
    empty(error.message);
    return;
  } finally {
    $("start").disabled = false;
    buttons();
  }
  stage.mirrored = $("flip").ariaPressed === "true";
  $("turn").hidden = !(await camera.several());
  loop(++round);
}

function stop() {
  round++;
  camera.stop();
  recorder?.stop();
  empty(TEXTS.cameraIdle);
  buttons();
}

async function loop(mine) {
  let seen = performance.now();
  const watcher = new Watcher(engine);
  const times = [];
  while (mine === round && camera.running) {
    await camera.frame();
    if (mine !== round) return;
    if (explained || !camera.video.videoWidth) continue;
    const pixels = toPixels(camera.video);
    const { faces, detection, classification } = await watcher.look(pixels, mode === "record");
    if (mine !== round || explained) continue;
    const now = performance.now();
    if (faces.length) seen = now;
    show(await createImageBitmap(pixels), pixels, tracker.update(faces, now));
    times.push([detection, classification]);
    if (times.length > 30) times.shift();
    const mean = (n) => (times.reduce((sum, time) => sum + time[n], 0) / times.length).toFixed(1);
    say("timing", TEXTS.timing(mean(0), mean(1)));
    const missing = now - seen > PATIENCE;
    say("hint", brightness(pixels) < DARK ? TEXTS.dark : missing ? TEXTS.noFace : "");
    if (faces.length || missing) announce(view.faces, TEXTS.noFace, now);
    recorder.offer(view.faces, now);
  }
}

// ---- photo

async function openPhoto(file) {
  if (!engine || !file) return;
  if (mode !== "photo") switchTo("photo");
  let bitmap;
  try {
    bitmap = await readPhoto(file);
  } catch {
    empty(TEXTS.notPicture);
    return;
  }
  empty(TEXTS.looking);
  stage.mirrored = false;
  const pixels = toPixels(bitmap);
  const { faces, detection, classification } = await engine.look(pixels);
  if (mode !== "photo") return;
  show(bitmap, pixels, tracker.update(faces, performance.now()));
  $("explain").hidden = !faces.length;
  say("timing", TEXTS.timing(detection.toFixed(1), classification.toFixed(1)));
  say("hint", faces.length ? "" : TEXTS.noFacePhoto);
  announce(faces, TEXTS.noFacePhoto, Infinity);
}

// ---- explain

async function explain() {
  if (explained) {
    explainOff();
    stage.draw(view.source, view.width, view.height, view.faces);
    return;
  }
  if (!view?.faces.length) return;
  explained = true; // the camera's picture stands still until it is pressed again
  const shown = view;
  const face = shown.faces.reduce((a, b) => (b.width > a.width ? b : a));
  const label = best(face.probabilities);
  const map = mapPicture(await occlusionMap(engine, face.crop, label), engine.side);
  if (!explained || view !== shown) return;
  stage.draw(shown.source, shown.width, shown.height, shown.faces, map, face);
  $("explain").textContent = TEXTS.explainOff;
  say("legend", TEXTS.explainLegend(engine.classes[label]));
}

// ---- buttons

function buttons() {
  const running = camera.running, live = mode !== "photo";
  $("start").hidden = !live;
  $("start").textContent = running ? TEXTS.stop : TEXTS.start;
  $("flip").hidden = !(live && running);
  if (!running || !live) $("turn").hidden = true;
  $("file-label").hidden = $("drop").hidden = live;
  $("recorder").hidden = mode !== "record";
  if (live) $("explain").hidden = !running;
}

function switchTo(next) {
  const live = next !== "photo", wasLive = mode !== "photo";
  mode = next;
  recorder?.stop();
  for (const button of document.querySelectorAll("[data-mode]")) {
    button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
  }
  if (live !== wasLive) {
    if (camera.running) stop();
    empty(live ? TEXTS.cameraIdle : TEXTS.photoIdle);
  }
  buttons();
}

function listen() {
  for (const button of document.querySelectorAll("[data-mode]")) {
    button.addEventListener("click", () => switchTo(button.dataset.mode));
  }
  $("start").addEventListener("click", () => (camera.running ? stop() : start()));
  $("flip").addEventListener("click", () => {
    stage.mirrored = !stage.mirrored;
    $("flip").setAttribute("aria-pressed", String(stage.mirrored));
  });
  $("turn").addEventListener("click", async () => {
    round++;
    try {
      await camera.turn();
      loop(++round);
    } catch (error) {
      empty(error.message);
      buttons();
    }
  });
  $("explain").addEventListener("click", explain);
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

async function keepOffline() {
  if (!navigator.serviceWorker) return;
  try {
    await navigator.serviceWorker.register("sw.js");
    await navigator.serviceWorker.ready;
    say("offline", TEXTS.offlineReady);
  } catch {
    // a browser that forbids it: the page works, but not without a network
  }
}

async function main() {
  fillTexts();
  say("placeholder", TEXTS.loading);
  buttons();
  explainOff();
  listen();
  try {
    engine = await Engine.load();
  } catch (error) {
    console.warn(error);
    say("placeholder", TEXTS.loadFailed);
    return;
  }
  cards = new Cards($("faces"), engine.classes);
  recorder = new Recorder(engine, camera);
  say("about-net", TEXTS.aboutNet(engine.facts));
  say("placeholder", mode === "photo" ? TEXTS.photoIdle : TEXTS.cameraIdle);
  $("start").disabled = false;
  document.documentElement.dataset.ready = "yes";
  await keepOffline();
}

main();

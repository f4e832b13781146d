// Capture mode: one's own labeled faces, kept in this browser, downloaded as a zip archive in
// the layout <class>/<time>.png.

import { $ } from "./dom.js";
import { grayPng } from "./pixels.js";
import * as store from "./store.js";
import { TEXTS } from "./texts.js";
import { zip } from "./zip.js";

const PAUSE = 250; // ms between two pictures: four a second

export class Recorder {
  #recording = false;
  #last = 0;
  #time = 0;
  #counts = new Map(); // by label: pictures in the store
  #shown = new Map(); // by label: the element that says so

  constructor(engine, camera) {
    this.engine = engine;
    this.camera = camera;
    engine.classes.forEach((name, n) => this.#addLabel(name, n === 0));
    $("record").addEventListener("click", () => this.#recording ? this.stop() : this.#start());
    $("consent").addEventListener("change", () => { if (!$("consent").checked) this.stop(); });
    $("download").addEventListener("click", () => this.#stored(() => this.#download()));
    $("remove").addEventListener("click", () => this.#stored(() => this.#askToRemove()));
    $("confirm-no").addEventListener("click", () => $("confirm").close());
    $("confirm-yes").addEventListener("click", () => this.#stored(() => this.#remove()));
    this.#stored(() => this.#count());
  }

  #addLabel(name, checked) {
    const input = Object.assign(document.createElement("input"), { type: "radio", name: "label", value: name, checked });
    const count = Object.assign(document.createElement("span"), { className: "count" });
    const label = document.createElement("label");
    label.append(input, name, count);
    $("labels").append(label);
    this.#shown.set(name, count);
  }

  #start() {
    if (!$("consent").checked) return this.#say(TEXTS.recordNeedsConsent);
    if (!this.camera.stream) return this.#say(TEXTS.recordNeedsCamera);
    this.#recording = true;
    $("record").textContent = TEXTS.recordStop;
    this.#say(TEXTS.recordStarted);
  }

  stop() {
    if (!this.#recording) return;
    this.#recording = false;
    $("record").textContent = TEXTS.recordStart;
    this.#say(TEXTS.recordStopped);
  }

  /** Record the largest of `faces`, if it is time for another picture. */
  async offer(faces, now) {
    if (!this.#recording || !faces.length || now - this.#last < PAUSE) return;
    this.#last = now;
    const face = faces.reduce((a, b) => (b.width > a.width ? b : a));
    const label = document.querySelector("input[name=label]:checked").value;
    const bytes = await grayPng(face.crop, this.engine.side);
    if (!this.#recording) return;
    this.#time = Math.max(Date.now(), this.#time + 1); // names are times: no two alike
    await this.#stored(async () => {
      await store.add({ label, time: this.#time, bytes });
      this.#add(label);
      this.#showCounts();
    });
  }

  /** Do `work` with the store; what goes wrong ends the recording, and is said. */
  async #stored(work) {
    try {
      await work();
    } catch (error) {
      console.warn(error);
      this.stop();
      this.#say(TEXTS.recordFailed);
    }
  }

  async #count() {
    const pictures = await store.all();
    this.#counts.clear();
    for (const { label } of pictures) this.#add(label);
    this.#showCounts();
  }

  #add(label) {
    this.#counts.set(label, (this.#counts.get(label) ?? 0) + 1);
  }

  #showCounts() {
    for (const [label, shown] of this.#shown) shown.textContent = this.#counts.get(label) ?? "";
    const total = [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
    $("record-count").textContent = total ? TEXTS.recorded(total) : "";
    $("download").disabled = $("remove").disabled = !total;
  }

  async #download() {
    const pictures = await store.all();
    const files = pictures.map(({ label, time, bytes }) => {
      const date = new Date(time);
      return { name: `${label}/${date.toISOString().replaceAll(":", "-")}.png`, bytes, date };
    });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(zip(files));
    link.download = "expressions.zip";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  async #askToRemove() {
    this.stop();
    $("confirm-text").textContent = TEXTS.removeAsk((await store.all()).length);
    $("confirm").showModal();
  }

  async #remove() {
    $("confirm").close();
    await store.clear();
    await this.#count();
    this.#say(TEXTS.removed);
  }

  #say(text) {
    $("record-status").textContent = text;
  }
}

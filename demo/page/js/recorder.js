// Capture mode: one's own labeled faces, kept in this browser, downloaded as a zip archive in
// the layout <class>/<time>.png.

import { grayPng } from "./pixels.js";
import * as store from "./store.js";
import { TEXTS } from "./texts.js";
import { zip } from "./zip.js";

const PAUSE = 250; // ms between two pictures: four a second
const $ = (id) => document.getElementById(id);

export class Recorder {
  #recording = false;
  #last = 0;
  #time = 0;
  #counts = new Map();

  constructor(engine, camera) {
    this.engine = engine;
    this.camera = camera;
    engine.classes.forEach((name, n) => this.#addLabel(name, n === 0));
    $("record").addEventListener("click", () => this.#recording ? this.stop() : this.#start());
    $("download").addEventListener("click", () => this.#download());
    $("remove").addEventListener("click", () => this.#askToRemove());
    $("confirm-no").addEventListener("click", () => $("confirm").close());
    $("confirm-yes").addEventListener("click", () => this.#remove());
    this.#recount();
  }

  #addLabel(name, checked) {
    const input = Object.assign(document.createElement("input"), { type: "radio", name: "label", value: name, checked });
    const count = Object.assign(document.createElement("span"), { className: "count" });
    const label = document.createElement("label");
    label.append(input, name, count);
    $("labels").append(label);
    this.#counts.set(name, count);
  }

  #start() {
    if (!$("consent").checked) return this.#say(TEXTS.recordNeedsConsent);
    if (!this.camera.running) return this.#say(TEXTS.recordNeedsCamera);
    this.#recording = true;
    $("record").textContent = TEXTS.recordStop;
  }

  stop() {
    this.#recording = false;
    $("record").textContent = TEXTS.recordStart;
  }

  /** Record the largest of `faces`, if it is time for another picture. */
  async offer(faces, now) {
    if (!this.#recording || !faces.length || now - this.#last < PAUSE) return;
    this.#last = now;
    const face = faces.reduce((a, b) => (b.width > a.width ? b : a));
    const label = document.querySelector("input[name=label]:checked").value;
    const bytes = await grayPng(face.crop, this.engine.side);
    this.#time = Math.max(Date.now(), this.#time + 1); // names are times: no two alike
    await store.add({ label, time: this.#time, bytes });
    await this.#recount();
  }

  async #recount() {
    const pictures = await store.all();
    for (const [name, count] of this.#counts) {
      count.textContent = pictures.filter((picture) => picture.label === name).length || "";
    }
    $("download").disabled = $("remove").disabled = !pictures.length;
    if (pictures.length) this.#say(TEXTS.recorded(pictures.length));
    return pictures;
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
    await store.clear();
    $("confirm").close();
    await this.#recount();
    this.#say(TEXTS.removed);
  }

  #say(text) {
    $("record-status").textContent = text;
  }
}

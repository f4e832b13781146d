// What is shown: a picture with marked faces, their cards, what a screen reader is told of them.

import { best, Cards, percent } from "./cards.js";
import { $, say } from "./dom.js";
import { mapPicture, occlusionMap } from "./explain.js";
import { Stage } from "./stage.js";
import { TEXTS } from "./texts.js";
import { Tracker } from "./tracking.js";
import { Turns } from "./turns.js";

const ANNOUNCE = 2000; // ms between two announcements to a screen reader
const NOTHING = { labels: null, time: -Infinity };

export class View {
  stage = new Stage($("picture"));
  explained = false; // the camera's picture stands still meanwhile
  #shown = null; // {source, width, height, faces}
  #announced = NOTHING;
  #tracker = new Tracker();
  #explanations = new Turns();
  #engine;
  #cards;

  /** With the nets there can be faces to show. */
  use(engine) {
    this.#engine = engine;
    this.#cards = new Cards($("faces"), engine.classes);
  }

  /**
   * Show `source`, an ImageBitmap that the view closes when it is no longer shown, and the faces
   * `found` in it; returns these as shown: numbered, their probabilities smoothed.
   */
  show(source, found, now) {
    const faces = this.#tracker.update(found, now);
    for (const face of faces) {
      const top = best(face.probabilities);
      face.text = `${faces.length > 1 ? `${face.number} ` : ""}${this.#engine.classes[top]} ${percent(face.probabilities[top])} %`;
    }
    this.#replace({ source, width: source.width, height: source.height, faces });
    say("placeholder", "");
    $("stage").classList.remove("empty");
    this.#draw();
    this.#cards.show(faces);
    $("explain").hidden = false;
    $("explain").disabled = !faces.length;
    return faces;
  }

  /** Show nothing but a text. */
  empty(text) {
    this.#replace(null);
    this.#announced = NOTHING;
    this.#tracker.reset();
    this.stage.clear();
    $("stage").classList.add("empty");
    this.#cards?.show([]);
    for (const id of ["hint", "timing", "summary"]) say(id, "");
    say("placeholder", text);
    $("picture").setAttribute("aria-label", TEXTS.stageEmpty);
    $("explain").hidden = true;
    this.#explainOff();
  }

  /** Tell a screen reader which faces there are; that there are none (`none`) the hint tells. */
  announce(faces, none, now) {
    const labels = faces.map((face) => best(face.probabilities)).join();
    if (labels === this.#announced.labels || now - this.#announced.time < ANNOUNCE) return;
    this.#announced = { labels, time: now };
    const summary = faces.length ? this.#summary(faces) : "";
    say("summary", summary);
    $("picture").setAttribute("aria-label", TEXTS.stagePicture(summary || none));
  }

  /** Show which parts of the largest face were read; or, if that is shown, no longer. */
  async explain() {
    if (this.explained) {
      this.#explainOff();
      this.#draw();
      return;
    }
    if (!this.#shown?.faces.length) return;
    this.explained = true;
    const current = this.#explanations.take(), engine = this.#engine;
    const face = this.#shown.faces.reduce((a, b) => (b.width > a.width ? b : a));
    const label = best(face.probabilities);
    try {
      const map = mapPicture(await occlusionMap(engine, face.crop, label), engine.side);
      if (!current()) return;
      this.#draw(map, face);
      $("explain").textContent = TEXTS.explainOff;
      say("legend", TEXTS.explainLegend(engine.classes[label]));
    } catch (error) {
      console.warn(error);
      if (!current()) return;
      this.#explainOff();
      say("legend", TEXTS.explainFailed);
    }
  }

  #explainOff() {
    this.#explanations.take();
    this.explained = false;
    $("explain").textContent = TEXTS.explain;
    say("legend", "");
  }

  #replace(shown) {
    this.#shown?.source.close();
    this.#shown = shown;
  }

  #draw(map, face) {
    const { source, width, height, faces } = this.#shown;
    this.stage.draw(source, width, height, faces, map, face);
  }

  #summary(faces) {
    const labels = faces.map((face) => this.#engine.classes[best(face.probabilities)]);
    if (labels.length > 1) return TEXTS.manyFaces(labels.length, labels.join(", "));
    return TEXTS.oneFace(labels[0], percent(Math.max(...faces[0].probabilities)));
  }
}

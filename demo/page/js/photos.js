// Photos, one at a time: the last that was opened is the one that is shown.

import { $, say } from "./dom.js";
import { readPhoto, toPixels } from "./pixels.js";
import { TEXTS } from "./texts.js";
import { Turns } from "./turns.js";

export class Photos {
  #engine;
  #view;
  #turns = new Turns();

  constructor(engine, view) {
    this.#engine = engine;
    this.#view = view;
  }

  /** Show the photo in `file` and its faces, or what went wrong. */
  async open(file) {
    const current = this.#turns.take();
    this.#view.empty(TEXTS.looking);
    const photo = await readPhoto(file).catch(() => null);
    if (!current()) photo?.close();
    else if (photo) await this.#look(photo, current);
    else this.#view.empty(TEXTS.notPicture);
  }

  /** Show none of those that were opened. */
  leave() {
    this.#turns.take();
  }

  async #look(photo, current) {
    try {
      const look = await this.#engine.look(toPixels(photo));
      if (current()) this.#show(photo, look);
      else photo.close();
    } catch (error) {
      console.warn(error);
      photo.close();
      if (current()) this.#view.empty(TEXTS.lookFailed);
    }
  }

  #show(photo, { faces: found, detection, classification }) {
    const now = performance.now();
    this.#view.stage.mirrored = false;
    const faces = this.#view.show(photo, found, now);
    $("explain").hidden = !faces.length;
    say("timing", TEXTS.timing(detection.toFixed(1), classification.toFixed(1)));
    say("hint", faces.length ? "" : TEXTS.noFacePhoto);
    this.#view.announce(faces, TEXTS.noFacePhoto, now);
  }
}

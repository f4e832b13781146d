// Before a webcam not everything is done anew in each frame: the next frame is nearly the same.

import { matches } from "./tracking.js";

/** So many frames a face is read at the place where it was found, until it is looked for again. */
const READ = 2;

export class Watcher {
  #engine;
  #faces = [];
  #read = 0;
  #mirrored = false;

  constructor(engine) {
    this.#engine = engine;
  }

  /**
   * The next frame's {faces: [{..., crop, probabilities}], found, read, detection,
   * classification}: as `Engine.look`, but by turns: one frame is for finding the faces, the next
   * two are for reading them. Where the net is to be asked of the mirror image too, a frame is
   * read in one of both ways, and averaged with the one before. Who is new is read at once.
   * all: find and read in this frame, whatever its turn.
   */
  async look(image, all = false) {
    const start = performance.now();
    const found = all || !this.#faces.length || this.#read === READ;
    if (found) await this.#find(image);
    const between = performance.now();
    const read = all || !found || this.#faces.some((face) => !face.probabilities);
    if (read) await this.#readFaces(image);
    this.#read = found ? 0 : this.#read + 1;
    const detection = between - start, classification = performance.now() - between;
    return { faces: this.#faces, found, read, detection, classification };
  }

  async #find(image) {
    const faces = await this.#engine.find(image);
    const old = matches(faces, this.#faces);
    this.#faces = faces.map((face, n) => ({ ...old[n], ...face })); // as read before, if it was
  }

  async #readFaces(image) {
    const both = this.#engine.views.length > 1;
    this.#mirrored = both && !this.#mirrored;
    const faces = await this.#engine.read(image, this.#faces, [this.#mirrored]);
    this.#faces = faces.map((face, n) => {
      const { probabilities: now } = face, before = both ? this.#faces[n].now : undefined;
      const probabilities = before ? now.map((value, k) => (value + before[k]) / 2) : now;
      return { ...face, probabilities, now };
    });
  }
}

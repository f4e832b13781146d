// Before a webcam not everything is done anew in each frame: the next frame is nearly the same.

/** So many frames after the one that it was found in, a face is looked for at its old place. */
const KEPT = 2;

export class Watcher {
  #engine;
  #faces = [];
  #kept = 0;
  #mirrored = false;

  constructor(engine) {
    this.#engine = engine;
  }

  /**
   * The next frame's {faces: [{..., crop, probabilities}], found, detection, classification}: as
   * `Engine.look`, but faces are found in every third frame only, and where the net is to be
   * asked of the mirror image too, of both in turn; `Tracker` averages over time.
   * everyFrame: find the faces in this one, whether or not it is its turn.
   */
  async look(image, everyFrame = false) {
    const engine = this.#engine, start = performance.now();
    const found = everyFrame || !this.#faces.length || this.#kept === KEPT;
    this.#kept = found ? 0 : this.#kept + 1;
    if (found) this.#faces = await engine.find(image);
    const between = performance.now();
    this.#mirrored = engine.views.length > 1 && !this.#mirrored;
    const faces = await engine.read(image, this.#faces, [this.#mirrored]);
    return { faces, found, detection: between - start, classification: performance.now() - between };
  }
}

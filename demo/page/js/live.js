// The picture of the camera, looked at frame by frame.

import { brightness } from "./arithmetic.js";
import { $, say } from "./dom.js";
import { toPixels } from "./pixels.js";
import { TEXTS } from "./texts.js";
import { Watcher } from "./watching.js";

const DARK = 50; // mean gray level below which more light would help
const PATIENCE = 700; // ms without a face before a hint
const MEAN = 30; // frames that times are averaged over

export class Live {
  state = "off"; // or "starting", "on", "turning"
  several = false; // whether there is another camera to turn to
  thorough = false; // whether every frame is looked at anew, as is needed to record it
  #engine;
  #view;
  #camera;
  #recorder;
  #changed;

  /** changed: called when `state` or `several` is another. */
  constructor(engine, view, camera, recorder, changed) {
    this.#engine = engine;
    this.#view = view;
    this.#camera = camera;
    this.#recorder = recorder;
    this.#changed = changed;
    camera.onlost = () => this.stop(TEXTS.cameraLost);
  }

  start() {
    this.#view.stage.mirrored = $("flip").ariaPressed === "true";
    return this.#open("starting", () => this.#camera.start());
  }

  turn() {
    return this.#open("turning", () => this.#camera.turn());
  }

  /** Stop, whatever is going on, and show `text`. */
  stop(text = TEXTS.cameraIdle) {
    this.#camera.stop();
    this.#recorder.stop();
    this.#view.empty(text);
    this.#enter("off");
  }

  #enter(state) {
    this.state = state;
    this.#changed();
  }

  async #open(state, begin) {
    this.#enter(state);
    let stream;
    try {
      stream = await begin();
    } catch (error) {
      this.stop(error.message);
      return;
    }
    if (!stream) return;
    this.#enter("on");
    this.#watch(stream);
    this.several = await this.#camera.several();
    this.#changed();
  }

  async #watch(stream) {
    try {
      await this.#look(() => this.#camera.stream === stream);
    } catch (error) {
      console.warn(error);
      if (this.#camera.stream === stream) this.stop(TEXTS.watchFailed);
    }
  }

  async #look(current) {
    const { video } = this.#camera, watcher = new Watcher(this.#engine), times = [];
    let seen = performance.now();
    while (current()) {
      await this.#camera.frame();
      if (!current()) return;
      if (this.#view.explained || document.hidden || !video.videoWidth) continue;
      const pixels = toPixels(video);
      const { faces: found, detection, classification } = await watcher.look(pixels, this.thorough);
      const bitmap = await createImageBitmap(pixels);
      if (!current() || this.#view.explained) {
        bitmap.close();
        continue;
      }
      const now = performance.now();
      const faces = this.#view.show(bitmap, found, now);
      if (faces.length) seen = now;
      const missing = now - seen > PATIENCE;
      say("hint", brightness(pixels) < DARK ? TEXTS.dark : missing ? TEXTS.noFace : "");
      if (faces.length || missing) this.#view.announce(faces, TEXTS.noFace, now);
      times.push([detection, classification]);
      if (times.length > MEAN) times.shift();
      const mean = (n) => (times.reduce((sum, time) => sum + time[n], 0) / times.length).toFixed(1);
      say("timing", TEXTS.timing(mean(0), mean(1)));
      this.#recorder.offer(faces, now);
    }
  }
}

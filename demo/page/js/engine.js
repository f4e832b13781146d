// The two nets on this device: pixels in, faces with class probabilities out.

import * as ort from "../vendor/ort.wasm.bundle.min.mjs";
import { resizeGray } from "./arithmetic.js";
import { MIN_SCORE, toFaces, toInput } from "./blazeface.js";
import { cropBox } from "./crop.js";
import { cut, moved, same, TILE_SCORE, tiles, upright } from "./tiles.js";

/** Sides of the two face detectors: before a webcam faces are large, in photos also small. */
const WEBCAM = 128, PHOTO = 256;

/** More faces than this are left out, as on the server. */
const MAX_FACES = 20;
const OUTPUTS = ["Identity:0", "Identity_1:0", "Identity_2:0", "Identity_3:0"];

ort.env.wasm.numThreads = 1; // several need headers that static hosts rarely send
ort.env.wasm.wasmPaths = {
  wasm: new URL("../vendor/ort-wasm-simd-threaded.wasm", import.meta.url).href,
};
ort.env.logLevel = "error";

async function load(name) {
  const answer = await fetch(new URL(`../models/${name}`, import.meta.url));
  if (!answer.ok) throw new Error(`models/${name}: status ${answer.status}`);
  return answer;
}

async function session(name) {
  const bytes = new Uint8Array(await (await load(name)).arrayBuffer());
  return ort.InferenceSession.create(bytes, { executionProviders: ["wasm"], logSeverityLevel: 3 });
}

export class Engine {
  #detectors = new Map();

  /** Load the expression net and the webcam's detector; the photo's when first asked for. */
  static async load() {
    const engine = new Engine();
    engine.facts = await (await load("model.json")).json();
    engine.classes = engine.facts.classes;
    engine.side = engine.facts.input.shape[1];
    engine.views = engine.facts.mirror ? [false, true] : [false]; // mirrored or not
    [engine.net] = await Promise.all([session("model.onnx"), engine.#detector(WEBCAM)]);
    return engine;
  }

  #detector(size) {
    if (!this.#detectors.has(size)) {
      const loading = session(`blazeface_${size}.onnx`);
      loading.catch(() => this.#detectors.delete(size)); // the next who asks tries again
      this.#detectors.set(size, loading);
    }
    return this.#detectors.get(size);
  }

  /** The faces in `image` (ImageData), best first, by the detector of `size` pixels. */
  async detect(image, size, minScore = MIN_SCORE) {
    const net = await this.#detector(size);
    const input = new ort.Tensor("float32", toInput(image, size), [1, size, size, 3]);
    const outputs = await net.run({ "input:0": input });
    return toFaces(OUTPUTS.map((name) => outputs[name].data), image, size, minScore);
  }

  /** The faces in a photo, best first: small and near ones, as fer_utils/faces/detection.py. */
  async detectInPhoto(image) {
    const faces = await this.detect(image, PHOTO);
    for (const tile of tiles(image.width, image.height)) {
      await new Promise((resolve) => setTimeout(resolve)); // the page stays alive meanwhile
      for (const face of await this.detect(part(image, tile), PHOTO, TILE_SCORE)) {
        const found = moved(face, tile);
        const whole = upright(found) && !cut(found, tile, image.width, image.height);
        if (whole && !faces.some((other) => same(found, other))) faces.push(found);
      }
    }
    faces.sort((a, b) => b.score - a.score);
    return faces.length ? faces : this.detect(image, WEBCAM);
  }

  /** What the net sees of a face: side x side gray levels. */
  crop(image, face) {
    return resizeGray(image, cropBox(face), this.side);
  }

  /**
   * Class probabilities, one Float32Array per crop, of all crops in one call: the mean over
   * `views`, each of which is the crop or (true) its mirror image.
   */
  async classify(crops, views = this.views) {
    if (!crops.length) return [];
    const size = this.side ** 2, count = this.classes.length, total = views.length * crops.length;
    const pixels = new Uint8Array(total * size);
    views.forEach((mirrored, v) => crops.forEach((crop, n) => {
      pixels.set(mirrored ? mirrorImage(crop, this.side) : crop, (v * crops.length + n) * size);
    }));
    const images = new ort.Tensor("uint8", pixels, [total, this.side, this.side]);
    const { data } = (await this.net.run({ images })).probabilities;
    return crops.map((_, n) => Float32Array.from({ length: count }, (_, k) =>
      views.reduce((sum, _, v) => sum + data[(v * crops.length + n) * count + k], 0) / views.length));
  }

  /**
   * The faces in `image`, best first.
   * photo: whether to look for small ones too, which takes longer than a webcam can wait.
   */
  async find(image, photo = false) {
    const faces = photo ? await this.detectInPhoto(image) : await this.detect(image, WEBCAM);
    return faces.slice(0, MAX_FACES);
  }

  /** `faces` of `image`, each with its `crop` and `probabilities`; `views`: see `classify`. */
  async read(image, faces, views = this.views) {
    const crops = faces.map((face) => this.crop(image, face));
    const probabilities = await this.classify(crops, views);
    return faces.map((face, n) => ({ ...face, crop: crops[n], probabilities: probabilities[n] }));
  }

  /** All of a photo: {faces: [{..., crop, probabilities}], detection, classification} in ms. */
  async look(image, photo = true) {
    if (photo) await this.#detector(PHOTO); // loading is no part of the time
    const start = performance.now();
    const found = await this.find(image, photo);
    const between = performance.now();
    const faces = await this.read(image, found);
    return { faces, detection: between - start, classification: performance.now() - between };
  }
}

/** Side x side gray levels, mirrored. */
function mirrorImage(crop, side) {
  return crop.map((_, n) => crop[n - 2 * (n % side) + side - 1]);
}

/** A rectangle of an ImageData as one of its own. */
function part(image, { x, y, width, height }) {
  const data = new Uint8ClampedArray(4 * width * height);
  for (let row = 0; row < height; row++) {
    const from = 4 * ((y + row) * image.width + x);
    data.set(image.data.subarray(from, from + 4 * width), 4 * row * width);
  }
  return { data, width, height };
}

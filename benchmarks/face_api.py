"""face-api's detector and expression net in a browser, to compare the page with.

Two npm packages with checked hashes go to build/, which git ignores; the demo ships none of them.
The tab gets them from playwright, under an address that the demo's server does not know.
"""

import base64
from pathlib import Path

import numpy as np
from browser import phone, slow_down
from pictures import encoded, webcam_frame
from playwright.sync_api import Route

from demo import npm
from fer_utils.paths import BUILD

NAME = "face-api 1.7.15"  # MIT license, Vladimir Mandic; with TensorFlow.js 4.22.0 in it
FOLDER = BUILD / "benchmarks" / "face-api"

#: Side of the detector's input: the default, and the smallest of the usual ones that finds the
#: face of the frame (128, as the page's detector has it, and 160 do not).
SIDES = (224, 416)

#: WebAssembly on one thread, as onnxruntime has it in the page.  WebGL is drawn by the processor
#: here, in a process that the slowing down does not reach.
BACKEND = "wasm"

LISTED_IN = "benchmarks/face_api.py"

#: What is fetched: face-api, and the WebAssembly of the TensorFlow.js in it.
PACKAGES = (
    npm.Package(
        "@vladmandic/face-api@1.7.15",
        {
            "dist/face-api.js": "0160f7af3a8c78cece45c7ecc765383bad74becfd438bb787cdd627b2d6f2cf6",
            "model/tiny_face_detector_model-weights_manifest.json": (
                "5d1af4849ac48d5b985f4a9b16010c512353ddd6fcc63d50fd0bc9e9e64296e5"
            ),
            "model/tiny_face_detector_model.bin": (
                "b7503ce7df31039b1c43316a9b865cab6a70dd748cc602d3fa28b551503c3871"
            ),
            "model/face_expression_model-weights_manifest.json": (
                "5b349c17c7836da506e03422cd6461c74085d8bb2713ad4114647dc5d28174c8"
            ),
            "model/face_expression_model.bin": (
                "9a9840f2cf1f4c7eab95f197512569345c00d2426754d4608b92af30e0300f3d"
            ),
        },
        LISTED_IN,
    ),
    npm.Package(
        "@tensorflow/tfjs-backend-wasm@4.22.0",
        {  # Apache-2.0, Google
            "dist/tfjs-backend-wasm-simd.wasm": (
                "77ebb28a6d34f371dbbf2086b7f2de8994acd8ea5a3cf1fa24d2c26c840cac7b"
            ),
        },
        LISTED_IN,
    ),
)

TYPES = {
    ".bin": "application/octet-stream",
    ".js": "text/javascript",
    ".json": "application/json",
    ".wasm": "application/wasm",
}

#: The same steps as in the page: draw the frame, find, cut out, classify.
MEASURE = """async ([data, rounds, side, backend]) => {
  const { tf, nets, TinyFaceDetectorOptions, detectAllFaces, extractFaces } = faceapi;
  tf.setWasmPaths("dist/");
  if (!(await tf.setBackend(backend))) throw new Error(`no backend ${backend}`);
  await tf.ready();
  for (const net of [nets.tinyFaceDetector, nets.faceExpressionNet]) await net.loadFromUri("model");
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes]));
  const canvas = document.createElement("canvas");
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  const context = canvas.getContext("2d", { willReadFrequently: true, alpha: false });
  const options = new TinyFaceDetectorOptions({ inputSize: side });
  const rows = [];
  for (let n = 0; n < rounds + 10; n++) {
    const start = performance.now();
    context.drawImage(bitmap, 0, 0);
    const drawn = performance.now();
    const faces = await detectAllFaces(canvas, options);
    const found = performance.now();
    if (faces.length !== 1) throw new Error(`${faces.length} faces`);
    const [cut] = await extractFaces(canvas, faces);
    await nets.faceExpressionNet.predictExpressions(cut);
    if (n >= 10) rows.push([drawn - start, found - drawn, performance.now() - found, true, true]);
    await new Promise((resolve) => setTimeout(resolve));
  }
  return rows;
}"""


def fetch(folder: Path | None = None) -> None:
    """Fetch what is missing with npm; PackageError where it can't be had or is something else."""
    for package in PACKAGES:
        npm.fetch(package, folder or FOLDER)


def measure(slower: int, rounds: int, side: int) -> np.ndarray:
    """Return milliseconds of drawing, detection and classification, and twice 1: each frame takes
    all steps, (rounds, 5)."""

    def answer(route: Route) -> None:
        name = route.request.url.split("/face-api/", 1)[1]
        if not name:
            script = '<!doctype html><script src="dist/face-api.js"></script>'
            route.fulfill(body=script, content_type="text/html")
        else:
            route.fulfill(path=FOLDER / name, content_type=TYPES[Path(name).suffix])

    with phone() as (page, address):
        page.route(f"{address}/face-api/*", answer)
        page.route(f"{address}/face-api/*/*", answer)
        page.goto(f"{address}/face-api/")
        slow_down(page, slower)
        frame = base64.b64encode(encoded(webcam_frame())).decode()
        return np.array(page.evaluate(MEASURE, [frame, rounds, side, BACKEND]))

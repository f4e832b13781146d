"""The Flask app: the page's files, and an interface that looks at one picture a request."""

import time
from collections.abc import Callable
from pathlib import PurePosixPath

from flask import Flask, Response, jsonify, request, send_file
from werkzeug.exceptions import HTTPException, NotFound, RequestEntityTooLarge

from demo.headers import HEADERS
from demo.openapi import MAX_FACES, openapi
from demo.predictor import Predictor
from demo.rate_limit import RateLimit
from demo.site import SCRIPT, TYPES, precache, site_files
from demo.upload import MAX_BYTES, UploadError, decode, too_many_bytes

API = "/api/v1"
FIELD = "image"  # of a multipart form
CARD = "models/model-card.md"

#: What a multipart form adds to the picture.
_ENVELOPE = 10_000


def create_app(
    predictor: Predictor | None = None,
    limit: RateLimit | None = None,
    *,
    trusted_hosts: list[str] | None = None,
) -> Flask:
    """Return the app; FerError when a file of the page or of a net is missing.

    predictor: default, the shipped net.  limit: of `predict`, per client address.
    trusted_hosts: names that a request may ask for, so that no other site's name can be made to
    point here; None for any.
    """
    predictor, limit = predictor or Predictor(), limit or RateLimit()
    files = site_files()
    script = precache(files)
    app = Flask("demo", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BYTES + _ENVELOPE
    app.config["TRUSTED_HOSTS"] = trusted_hosts
    app.json.sort_keys = False  # probabilities keep the order of the classes

    @app.get("/")
    @app.get("/<path:address>")
    def page(address: str = "index.html") -> Response:
        if address == SCRIPT:
            return Response(
                script, content_type=TYPES[".js"], headers={"Cache-Control": "no-cache"}
            )
        if address not in files:  # nothing but these addresses leads to a file
            raise NotFound
        return send_file(files[address], mimetype=TYPES[PurePosixPath(address).suffix])

    @app.get(f"{API}/health")
    def health() -> Response:
        return jsonify(status="ok", run=predictor.facts["run"])

    @app.get(f"{API}/openapi.json")
    def description() -> Response:
        return jsonify(openapi(predictor.facts["classes"]))

    @app.post(f"{API}/predict")
    def predict() -> Response:
        seconds = limit.wait(request.remote_addr or "")
        if seconds:
            answer = jsonify(error="Too many pictures at once: wait a moment.")
            answer.status_code = 429
            answer.headers["Retry-After"] = str(int(seconds) + 1)
            return answer
        return jsonify(_answer(predictor, _body()))

    @app.errorhandler(UploadError)
    def refuse(error: UploadError) -> tuple[Response, int]:
        return jsonify(error=error.sentence), error.status

    @app.errorhandler(HTTPException)
    def explain(error: HTTPException) -> tuple[Response, int]:
        if isinstance(error, RequestEntityTooLarge):
            return refuse(too_many_bytes())
        return jsonify(error=f"{error.name}: {error.description}"), error.code or 500

    @app.after_request
    def strict(response: Response) -> Response:
        response.headers.update(HEADERS)
        if request.path.startswith(API):
            response.headers["Cache-Control"] = "no-store"
        return response

    return app


def _body() -> bytes:
    """Return the picture of the request, raw or from a multipart form."""
    if request.mimetype == "multipart/form-data":
        file = request.files.get(FIELD)
        if file is None:
            raise UploadError(400, f"The form has no file field {FIELD!r}.")
        return file.read()
    return request.get_data(cache=False)


def _timed(work: Callable, *arguments) -> tuple[object, float]:
    start = time.perf_counter()
    return work(*arguments), round(1000 * (time.perf_counter() - start), 2)


def _answer(predictor: Predictor, data: bytes) -> dict:
    upload, decoding = _timed(decode, data)
    faces, detection = _timed(predictor.detect, upload.image)
    notes = list(upload.notes)
    if len(faces) > MAX_FACES:
        notes.append(f"{len(faces)} faces found: the best {MAX_FACES} are told")
        faces = faces[:MAX_FACES]
    y_prob, classification = _timed(predictor.classify, upload.image, faces)
    classes, facts = predictor.facts["classes"], predictor.facts
    return {
        "faces": [
            {
                "box": {name: round(getattr(face, name), 2)
                        for name in ("x", "y", "width", "height")},
                "score": round(face.score, 4),
                "label": classes[int(row.argmax())],
                "probabilities": {n: round(float(p), 6) for n, p in zip(classes, row, strict=True)},
            }
            for face, row in zip(faces, y_prob, strict=True)
        ],
        "width": upload.image.shape[1],
        "height": upload.image.shape[0],
        "timings_ms": {"decoding": decoding, "detection": detection,
                       "classification": classification},
        "notes": notes,
        "model": {"run": facts["run"], "version": facts["version"], "card": f"/{CARD}"},
    }  # fmt: skip

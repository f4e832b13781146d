"""The description of the server's interface, in OpenAPI 3.1."""

from collections.abc import Sequence

import fer_utils
from demo.upload import MAX_BYTES
from fer_utils.faces.photos import MAX_PIXELS

MAX_FACES = 20


def openapi(classes: Sequence[str]) -> dict:
    """Return the description; `classes` are those of the net that is served."""
    number, text = {"type": "number"}, {"type": "string"}
    box = _object({name: number for name in ("x", "y", "width", "height")})
    face = _object(
        {
            "box": box | {"description": "pixels of the upright picture; may reach over its edge"},
            "score": number | {"description": "how sure the detector is, 0 to 1"},
            "label": {"type": "string", "enum": list(classes)},
            "probabilities": _object({name: number for name in classes}),
        }
    )
    answer = _object(
        {
            "faces": {"type": "array", "maxItems": MAX_FACES, "items": face},
            "width": {"type": "integer"},
            "height": {"type": "integer"},
            "timings_ms": _object(
                {name: number for name in ("decoding", "detection", "classification")}
            ),
            "notes": {"type": "array", "items": text},
            "model": _object({"run": text, "version": text, "card": text}),
        }
    )
    picture = {"type": "string", "format": "binary"}
    form = {"type": "object", "properties": {"image": picture}, "required": ["image"]}
    statuses = {
        "400": "no picture, or a damaged one",
        "413": "too many bytes or pixels",
        "415": "no JPEG, PNG or WebP",
        "422": "too small to hold a face",
        "429": "too many requests: wait as `Retry-After` says",
    }
    errors = {
        status: {"description": about, "content": _json(_object({"error": text}))}
        for status, about in statuses.items()
    }
    body = {"schema": picture}
    types = {f"image/{name}": body for name in ("jpeg", "png", "webp")}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Expressions of faces in a picture",
            "version": fer_utils.__version__,
            "description": "Pictures are looked at in memory and forgotten. An expression is not "
            "an emotion: do not judge people by it.",
        },
        "paths": {
            "/api/v1/predict": {
                "post": {
                    "operationId": "predict",
                    "summary": "Find the faces in a picture and tell their expressions",
                    "description": f"JPEG, PNG or WebP, by content; at most {MAX_BYTES:,} bytes "
                    f"and {MAX_PIXELS:,} pixels; the best {MAX_FACES} faces are returned.",
                    "requestBody": {
                        "required": True,
                        "content": types | {"multipart/form-data": {"schema": form}},
                    },
                    "responses": {
                        "200": {"description": "every face found", "content": _json(answer)},
                        **errors,
                    },
                }
            },
            "/api/v1/health": {
                "get": {
                    "operationId": "health",
                    "summary": "Tell that the server is up, and which net it serves",
                    "responses": {
                        "200": {
                            "description": "it is up",
                            "content": _json(_object({"status": text, "run": text})),
                        }
                    },
                }
            },
        },
    }


def _object(properties: dict) -> dict:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _json(schema: dict) -> dict:
    return {"application/json": {"schema": schema}}

"""The server answers every picture, good or bad, with the right status and one sentence."""

import io
import json
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import demo_fixtures
import numpy as np
import pytest
from demo_fixtures import encoded, serving
from PIL import Image

from demo import app as demo_app
from demo import upload, vendor
from demo.app import create_app
from demo.headers import HEADERS
from demo.predictor import Predictor
from demo.rate_limit import RateLimit
from fer_utils.export import FACTS, SHIPPED

PREDICT = "/api/v1/predict"
ENDLESS = RateLimit(per_second=1e9, burst=10**9)


@pytest.fixture(scope="module")
def predictor():
    return Predictor()


@pytest.fixture
def app(predictor, monkeypatch, tmp_path):
    """Return the app; where onnxruntime-web is not here, files of its names stand for it."""
    if vendor.missing():
        monkeypatch.setattr(vendor, "FOLDER", tmp_path)
        for name in vendor.FILES:
            (tmp_path / name).write_bytes(b"stands for it")
    return create_app(predictor, ENDLESS, trusted_hosts=["127.0.0.1", "localhost"])


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture(scope="module")
def astronaut() -> Image.Image:
    return demo_fixtures.astronaut()


def post(client, data: bytes, content_type: str = "image/png"):
    answer = client.post(PREDICT, data=data, content_type=content_type)
    return answer.status_code, answer.get_json()


def refused(client, data: bytes) -> tuple[int, str]:
    status, body = post(client, data)
    assert list(body) == ["error"]
    sentence = body["error"]
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return status, sentence


# -- good pictures ----------------------------------------------------------------------------


def test_the_astronaut_is_found_and_happy(client, astronaut):
    status, body = post(client, encoded(astronaut))
    assert status == 200
    (face,) = body["faces"]
    box = face["box"]
    assert 160 < box["x"] < 190
    assert 60 < box["y"] < 90
    assert 90 < box["width"] < 120
    assert face["label"] == "happy"
    assert sum(face["probabilities"].values()) == pytest.approx(1, abs=1e-4)
    assert max(face["probabilities"], key=face["probabilities"].get) == "happy"
    assert all(value >= 0 for value in body["timings_ms"].values())
    assert (body["width"], body["height"], body["notes"]) == (512, 512, [])
    assert client.get(body["model"]["card"]).status_code == 200


def test_a_form_says_the_same_as_a_raw_body(client, astronaut):
    data = encoded(astronaut)
    form = {"image": (io.BytesIO(data), "a.png")}
    answer = client.post(PREDICT, data=form, content_type="multipart/form-data").get_json()
    assert answer["faces"] == post(client, data)[1]["faces"]
    assert post(client, data, "text/plain")[1]["faces"] == answer["faces"]  # content decides


@pytest.mark.parametrize(
    ("kind", "change", "options"),
    [
        ("JPEG", lambda p: p, {"quality": 95}),
        ("JPEG", lambda p: p.convert("CMYK"), {"quality": 95}),
        ("JPEG", lambda p: p.convert("L"), {"quality": 95}),
        ("WEBP", lambda p: p, {"lossless": True}),
        ("PNG", lambda p: p.convert("RGBA"), {}),
        ("PNG", lambda p: p.convert("P"), {}),
        ("PNG", lambda p: Image.fromarray(np.asarray(p.convert("L")).astype(np.uint16) * 257), {}),
    ],
    ids=["jpeg", "cmyk", "gray", "webp", "alpha", "palette", "16-bit"],
)
def test_every_kind_of_picture_is_read(client, astronaut, kind, change, options):
    status, body = post(client, encoded(change(astronaut), kind, **options))
    assert status == 200
    assert [face["label"] for face in body["faces"]] == ["happy"]


def test_the_exif_rotation_is_honored(client, astronaut):
    tags = Image.Exif()
    tags[0x0112] = 6  # to be turned right by 90 degrees when shown
    turned = encoded(astronaut.rotate(90), "JPEG", exif=tags, quality=95)
    assert [face["label"] for face in post(client, turned)[1]["faces"]] == ["happy"]


def test_of_an_animation_the_first_picture_is_taken_and_a_note_says_so(client, astronaut):
    empty = Image.new("RGB", astronaut.size)
    for kind in ("WEBP", "PNG"):
        data = encoded(astronaut, kind, save_all=True, append_images=[empty])
        status, body = post(client, data)
        assert status == 200
        assert len(body["faces"]) == 1
        assert body["notes"] == ["animated: only the first picture was looked at"]


def test_no_face_is_an_empty_list(client):
    status, body = post(client, encoded(Image.new("RGB", (320, 240), "teal")))
    assert status == 200
    assert body["faces"] == []


def test_more_faces_than_the_limit_are_cut_and_a_note_says_so(client, astronaut, monkeypatch):
    monkeypatch.setattr(demo_app, "MAX_FACES", 1)
    pair = Image.new("RGB", (520, 280))
    for left in (0, 260):
        pair.paste(astronaut.crop((100, 20, 360, 300)), (left, 0))
    body = post(client, encoded(pair))[1]
    assert len(body["faces"]) == 1
    assert body["notes"] == ["2 faces found: the best 1 are told"]


# -- bad pictures -----------------------------------------------------------------------------


def test_what_is_no_picture_is_refused_whatever_its_name(client, astronaut):
    text = b"I am a text file and my name is photo.jpg.\n" * 20
    form = {"image": (io.BytesIO(text), "photo.jpg", "image/jpeg")}
    answer = client.post(PREDICT, data=form, content_type="multipart/form-data")
    assert answer.status_code == 415
    assert answer.get_json() == {"error": "This is no JPEG, PNG or WebP picture."}
    for kind in ("GIF", "BMP", "TIFF"):
        assert refused(client, encoded(astronaut, kind))[0] == 415


def test_empty_requests_are_refused(client):
    assert refused(client, b"")[0] == 400
    answer = client.post(PREDICT, data={"other": "1"}, content_type="multipart/form-data")
    assert answer.status_code == 400
    assert answer.get_json()["error"] == "The form has no file field 'image'."
    answer = client.post(PREDICT, data=b"junk", content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 400


def test_sizes_are_limited_before_anything_is_unpacked(client, monkeypatch):
    monkeypatch.setattr(upload, "decode_photo", lambda *a, **k: pytest.fail("was unpacked"))
    assert refused(client, encoded(Image.new("L", (1, 1))))[0] == 422
    wide = refused(client, encoded(Image.new("L", (60_000, 20))))
    assert wide[0] == 413
    assert "60000 x 20 pixels" in wide[1]
    assert refused(client, encoded(Image.new("1", (5_100, 5_000))))[0] == 413  # 25.5 megapixels
    assert refused(client, encoded(Image.new("1", (16_000, 16_000))))[0] == 413  # a bomb


def test_damaged_pictures_are_refused(client, astronaut):
    jpeg = encoded(astronaut, "JPEG")
    assert refused(client, jpeg[: len(jpeg) // 2])[0] == 400
    png = encoded(astronaut)
    assert refused(client, png[:200])[0] == 400
    assert refused(client, png[:100] + b"\0" * 300 + png[400:])[0] == 400


def test_eleven_megabytes_are_refused(client):
    noise = np.random.default_rng(0).bytes(11_000_000)
    assert refused(client, b"\x89PNG\r\n\x1a\n" + noise) == (413, "The file is larger than 10 MB.")
    form = {"image": (io.BytesIO(noise), "a.png")}
    assert client.post(PREDICT, data=form, content_type="multipart/form-data").status_code == 413


def mutated(seed: int, pictures: list[bytes]) -> bytes:
    """Return one of `pictures` with some bytes changed, cut out, doubled or cut off."""
    rng = np.random.default_rng(seed)
    data = bytearray(pictures[seed % len(pictures)])
    for _ in range(rng.integers(1, 12)):
        # half of the changes hit the head, where sizes and tables are
        at = int(rng.integers(min(len(data), 200 if rng.random() < 0.5 else len(data))))
        what = rng.choice(4, p=[0.5, 0.23, 0.23, 0.04])
        if what == 0:
            data[at] = int(rng.integers(256))
        elif what == 1:
            del data[at : at + int(rng.integers(1, 40))]
        elif what == 2:
            data[at:at] = data[at : at + int(rng.integers(1, 40))]
        else:
            del data[max(at, 20) :]
        if len(data) < 30:
            break
    return bytes(data)


def fuzz(client, count: int) -> dict[int, int]:
    """Return how often each status came of `count` mutated pictures."""
    face = demo_fixtures.astronaut().crop((150, 50, 310, 210))
    pictures = [
        encoded(face, "JPEG"),
        encoded(face.resize((64, 64))),
        encoded(face, "WEBP"),
        encoded(face.convert("CMYK"), "JPEG"),
        encoded(face.convert("P"), "PNG"),
        encoded(face, "WEBP", save_all=True, append_images=[face.rotate(9)]),
    ]
    found: dict[int, int] = {}
    for seed in range(count):
        status = client.post(PREDICT, data=mutated(seed, pictures)).status_code
        found[status] = found.get(status, 0) + 1
    return found


def test_mutated_pictures_never_break_the_server(client):
    found = fuzz(client, 200)
    assert set(found) <= {200, 400, 413, 415, 422}
    assert len(found) > 2  # else the mutations do nothing


# -- the rest of the interface ----------------------------------------------------------------


def test_the_facts_are_those_of_the_net_that_was_checked(predictor):
    assert predictor.facts == json.loads((SHIPPED / FACTS).read_text(encoding="utf-8"))


def test_health_and_description(client, predictor):
    assert client.get("/api/v1/health").get_json() == {
        "status": "ok",
        "run": predictor.facts["run"],
    }
    description = client.get("/api/v1/openapi.json").get_json()
    assert set(description["paths"]) == {PREDICT, "/api/v1/health"}
    responses = description["paths"][PREDICT]["post"]["responses"]
    assert {"200", "400", "413", "415", "422", "429"} == set(responses)
    schema = responses["200"]["content"]["application/json"]["schema"]
    body = post(client, encoded(Image.new("RGB", (64, 64))))[1]
    assert set(schema["required"]) == set(body)


def test_every_answer_has_the_strict_headers(client):
    for address in ("/", "/js/main.js", "/nothing", "/api/v1/health", "/precache.js"):
        answer = client.get(address)
        assert HEADERS.items() <= dict(answer.headers).items()
    assert "unsafe-inline" not in HEADERS["Content-Security-Policy"]
    assert client.get("/api/v1/health").headers["Cache-Control"] == "no-store"


def test_only_the_pages_files_can_be_read(client):
    assert client.get("/").status_code == 200
    for address in ("/app.py", "/../app.py", "/%2e%2e/app.py", "/js/../../app.py", "/etc/passwd"):
        assert client.get(address).status_code in (308, 404)
    assert client.get(PREDICT).status_code == 404
    assert client.post("/").status_code == 405
    assert "error" in client.post("/").get_json()


def test_another_name_for_this_machine_is_refused(client):
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 400
    assert client.get("/", headers={"Host": "localhost:8000"}).status_code == 200


def test_each_client_has_its_own_rate(predictor, app, monkeypatch):
    now = [0.0]
    limit = RateLimit(per_second=2, burst=3, clients=2, clock=lambda: now[0])
    assert [limit.wait("a") for _ in range(4)] == [0, 0, 0, 0.5]
    assert limit.wait("b") == 0
    now[0] = 0.5
    assert limit.wait("a") == 0
    assert limit.wait("a") == pytest.approx(0.5)
    limit.wait("c")
    assert len(limit._buckets) == 2

    client = create_app(predictor, RateLimit(per_second=0.1, burst=1)).test_client()
    assert post(client, b"")[0] == 400
    answer = client.post(PREDICT, data=b"")
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) == 10
    assert client.get("/api/v1/health").status_code == 200


def test_eight_clients_at_once(app, astronaut):
    data = encoded(astronaut.crop((100, 20, 360, 300)), "JPEG", quality=95)
    with serving(app) as address:

        def ask(_) -> str:
            request = urllib.request.Request(f"{address}{PREDICT}", data)
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.dumps(json.load(answer)["faces"])

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(ask, range(32)))
    assert len(set(answers)) == 1
    assert "happy" in answers[0]

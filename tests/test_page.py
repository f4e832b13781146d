"""The page in a real browser: Chromium, driven by playwright, with a camera that is a file."""

import base64
import io
import json
import re
import shutil
import urllib.request
import zipfile
from pathlib import Path

import pytest
from demo_fixtures import astronaut, collage, encoded, serving, write_webcam
from PIL import Image

from demo import vendor
from demo.app import create_app
from demo.rate_limit import RateLimit
from fer_utils.export import SHIPPED
from fer_utils.export.files import FACTS

playwright = pytest.importorskip("playwright.sync_api")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
if not CHROMIUM:
    pytest.skip("no chromium on this machine", allow_module_level=True)
if vendor.missing():
    pytest.skip("no onnxruntime-web: run `make vendor`", allow_module_level=True)

QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"),
    *("--disable-component-update", "--disable-sync", "--disable-default-apps"),
)
PATIENCE = 60_000  # ms, for a busy machine

#: What playwright itself writes to the console where it keeps the service worker out.
NO_WORKER = "Service Worker registration blocked by Playwright"

LOOK = """async ([data, photo]) => {
  const { Engine } = await import("/js/engine.js");
  const { readPhoto, toPixels } = await import("/js/pixels.js");
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const engine = await Engine.load();
  const { faces } = await engine.look(toPixels(await readPhoto(new Blob([bytes]))), photo);
  return faces.map((face) => ({
    box: [face.x, face.y, face.width, face.height],
    probabilities: [...face.probabilities],
  }));
}"""


#: Nine frames of a webcam, all alike, and what one look at both views of the face says.
WATCH = """async (data) => {
  const { Engine } = await import("/js/engine.js");
  const { readPhoto, toPixels } = await import("/js/pixels.js");
  const { Watcher } = await import("/js/watching.js");
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const pixels = toPixels(await readPhoto(new Blob([bytes])));
  const engine = await Engine.load(), watcher = new Watcher(engine), looks = [];
  for (let n = 0; n < 9; n++) looks.push(await watcher.look(pixels, n > 6));
  const both = await engine.look(pixels, false), empty = new ImageData(640, 480);
  const blind = new Watcher(engine);
  const nothing = [await blind.look(empty), await blind.look(empty)];
  const rows = (look) => look.faces.map((face) => [...face.probabilities]);
  return {
    found: looks.map((look) => look.found), read: looks.map((look) => look.read),
    rows: looks.map(rows), both: rows(both),
    nothing: nothing.map((look) => [look.found, look.faces.length]),
  };
}"""


def webcam(path: Path) -> tuple[str, ...]:
    return (
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={path}",
    )


@pytest.fixture(scope="module")
def site():
    with serving(create_app(limit=RateLimit(1e9, 10**9))) as address:
        yield address


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as started:
        playwright.expect.set_options(timeout=PATIENCE / 2)
        yield started.chromium


@pytest.fixture(scope="module")
def browser(chromium, tmp_path_factory):
    """Return a browser whose camera shows the astronaut, who moves a little."""
    picture = Image.new("RGB", (640, 480), (120, 120, 120))
    frames = []
    for shift in range(12):
        frame = picture.copy()
        frame.paste(astronaut().crop((0, 0, 512, 480)), (40 + 2 * shift, 0))
        frames.append(frame)
    path = write_webcam(tmp_path_factory.mktemp("cam") / "cam.mjpeg", frames)
    started = chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *webcam(path)])
    yield started
    started.close()


@pytest.fixture(scope="module")
def loaded(browser, site):
    """Return one page for all tests: to load onnxruntime takes seconds."""
    context = browser.new_context(service_workers="block", accept_downloads=True)
    page = context.new_page()
    page.problems = []
    page.on("console", lambda message: page.problems.append(message.text))
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    context.on("request", lambda request: page.problems.append(request.url)
               if not request.url.startswith((site, "blob:", "data:")) else None)  # fmt: skip
    page.goto(site)
    page.locator("html[data-ready=yes]").wait_for(state="attached", timeout=PATIENCE)
    yield page
    context.close()


@pytest.fixture
def page(loaded):
    """Return the page with nothing shown; fail on its console's lines and foreign requests."""
    yield loaded
    loaded.evaluate("delete navigator.mediaDevices.getUserMedia")  # where a test changed it
    for mode in ("Photo", "Camera"):
        loaded.get_by_role("button", name=mode, exact=True).click()
    problems, loaded.problems[:] = list(loaded.problems), []
    assert [text for text in problems if text != NO_WORKER] == []


def open_photo(page, picture: Image.Image, name: str = "photo.png") -> None:
    page.get_by_role("button", name="Photo").click()
    page.set_input_files("#file", {"name": name, "mimeType": "image/png",
                                   "buffer": encoded(picture)})  # fmt: skip


def expect(locator):
    return playwright.expect(locator)


def camera_of(page, color: str) -> None:
    """Let the page's camera show one color."""
    page.evaluate(
        """(color) => { navigator.mediaDevices.getUserMedia = async () => {
          const canvas = document.createElement("canvas");
          const context = canvas.getContext("2d");
          const paint = () => {
            context.fillStyle = color;
            context.fillRect(0, 0, canvas.width, canvas.height);
          };
          setInterval(paint, 50);
          return canvas.captureStream();
        }; }""",
        color,
    )


# -- photos -----------------------------------------------------------------------------------


def test_frames_share_the_work(page):
    data = base64.b64encode(encoded(astronaut())).decode()
    watched = page.evaluate(WATCH, data)
    # found, then twice read; a new face is read at once; in the last two all is asked for
    assert watched["found"] == [True, False, False, True, False, False, True, True, True]
    assert watched["read"] == [True, True, True, False, True, True, False, True, True]
    assert watched["nothing"] == [[True, 0], [True, 0]]
    first, *others = (face for [face] in watched["rows"])
    assert first != pytest.approx(watched["both"][0], abs=1e-4)  # one view; then always both
    for probabilities in others:
        assert probabilities == pytest.approx(watched["both"][0], abs=1e-6)


def test_the_astronaut_is_found_and_called_happy(page):
    open_photo(page, astronaut())
    card = page.get_by_role("region", name="Face 1")
    expect(card.locator(".top")).to_have_text("happy")
    expect(card.get_by_role("listitem")).to_have_count(7)
    expect(page.locator("#timing")).to_have_text(re.compile(r"Found in [\d.]+ ms, read"))
    expect(page.locator("#summary")).to_have_text(re.compile(r"One face: happy, \d+ %"))
    label = page.locator("#picture").get_attribute("aria-label")
    assert "One face: happy" in label


def test_several_faces_are_all_shown_and_one_is_explained(page):
    open_photo(page, collage())
    expect(page.locator(".card")).to_have_count(3)
    before = page.locator("#picture").screenshot()
    page.get_by_role("button", name="Explain").click()
    expect(page.locator("#legend")).to_contain_text("makes “happy” less likely")
    assert page.locator("#picture").screenshot() != before
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("#legend")).to_have_text("")
    assert page.locator("#picture").screenshot() == before


def test_a_photo_without_a_face_and_a_file_that_is_none(page):
    open_photo(page, Image.new("RGB", (300, 200), "teal"))
    expect(page.locator("#hint")).to_have_text("No face found in this photo.")
    expect(page.locator(".card")).to_have_count(0)
    page.set_input_files("#file", {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": b"text"})
    expect(page.locator("#placeholder")).to_contain_text("no picture that the browser can read")


def test_browser_and_server_agree(page, site):
    odd = astronaut().resize((333, 401))
    large = collage().resize((700, 420))
    large.paste(astronaut().crop((100, 20, 360, 300)).resize((60, 65)), (500, 40))
    for picture, most in ((astronaut(), 1), (odd, 1), (large, 4)):
        data = encoded(picture)
        request = urllib.request.Request(f"{site}/api/v1/predict", data)
        with urllib.request.urlopen(request, timeout=60) as answer:
            server = json.load(answer)["faces"]
        browser = page.evaluate(LOOK, [base64.b64encode(data).decode(), True])
        assert len(server) == len(browser) == most
        browser.sort(key=lambda face: face["box"][0])  # scores may be equal to the last bits
        server.sort(key=lambda face: face["box"]["x"])
        for ours, theirs in zip(browser, server, strict=True):
            assert ours["box"] == pytest.approx(list(theirs["box"].values()), abs=1)
            expected = list(theirs["probabilities"].values())
            assert ours["probabilities"] == pytest.approx(expected, abs=1e-3)


def test_it_quotes_the_accuracy_of_the_file_that_it_runs(page):
    facts = json.loads((SHIPPED / FACTS).read_text(encoding="utf-8"))
    (file,) = facts["variants"]
    expect(page.locator("#about-net")).to_contain_text(f"right on {100 * file['accuracy']:.1f} %")


# -- camera -----------------------------------------------------------------------------------


def test_the_camera_by_keyboard_alone_and_nothing_leaves(page):
    page.get_by_role("button", name="Start the camera").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".card .top")).to_have_text("happy")
    requests = []
    page.context.on("request", lambda request: requests.append(request.url))
    expect(page.locator("#summary")).to_contain_text("One face: happy")
    mirrored = page.get_by_role("button", name="Mirror")
    expect(mirrored).to_have_attribute("aria-pressed", "true")
    mirrored.press("Space")
    expect(mirrored).to_have_attribute("aria-pressed", "false")
    page.get_by_role("button", name="Explain").press("Enter")
    expect(page.locator("#legend")).to_contain_text("less likely")
    page.get_by_role("button", name="Go on").press("Enter")
    page.wait_for_timeout(500)
    assert requests == []
    page.get_by_role("button", name="Stop").press("Enter")
    expect(page.locator("#placeholder")).to_contain_text("will appear here")
    assert page.evaluate("document.querySelector('video').srcObject") is None


def test_capture_mode_records_downloads_and_deletes(page):
    page.get_by_role("button", name="Record", exact=True).first.click()
    record = page.locator("#record")
    record.click()
    expect(page.locator("#record-status")).to_have_text("Tick the box above first.")
    page.get_by_label("The face before the camera is mine").check()
    record.click()
    expect(page.locator("#record-status")).to_have_text("Start the camera first.")
    page.get_by_role("button", name="Start the camera").click()
    expect(page.locator(".card")).to_have_count(1)
    page.get_by_role("radio", name="happy").check()
    record.click()
    expect(page.locator("#record-status")).to_have_text(
        re.compile(r"([3-9]|\d\d+) pictures recorded")
    )
    record.click()
    page.get_by_role("radio", name="sad").check()
    record.click()
    expect(page.locator("label", has_text="sad").locator(".count")).to_have_text(re.compile(r"\d"))
    record.click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download zip").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert {name.split("/")[0] for name in names} == {"happy", "sad"}
        assert len(names) == len(set(names)) >= 4
        for name in names:
            with Image.open(io.BytesIO(archive.read(name))) as picture:
                assert picture.size == (48, 48)
                assert picture.convert("L").getextrema()[1] > 100
    page.get_by_role("button", name="Delete all").click()
    page.get_by_role("button", name="Keep").click()
    expect(page.locator("#download")).to_be_enabled()
    page.get_by_role("button", name="Delete all").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator("#record-status")).to_have_text("All pictures are deleted.")
    expect(page.locator("#download")).to_be_disabled()


@pytest.mark.parametrize(
    ("error", "text"),
    [
        ("NotAllowedError", "The camera was refused."),
        ("NotFoundError", "No camera was found."),
        ("NotReadableError", "Another program may be using it."),
    ],
)
def test_a_camera_that_can_not_be_had_is_explained(page, error, text):
    # the browser's own refusal, wherever the test runs and whatever is plugged in there
    page.evaluate(
        """(name) => { navigator.mediaDevices.getUserMedia =
          async () => { throw new DOMException("", name); }; }""", error,
    )  # fmt: skip
    page.get_by_role("button", name="Start the camera").click()
    expect(page.locator("#placeholder")).to_contain_text(text)
    open_photo(page, astronaut())
    expect(page.locator(".card")).to_have_count(1)


def test_hints_for_a_dark_and_an_empty_room(page):
    for color, hint in (("#090909", "More light"), ("teal", "No face found.")):
        camera_of(page, color)
        page.get_by_role("button", name="Start the camera").click()
        expect(page.locator("#hint")).to_contain_text(hint)
        expect(page.locator(".card")).to_have_count(0)
        page.get_by_role("button", name="Stop").click()


# -- offline, accessible ----------------------------------------------------------------------


def test_after_one_visit_it_works_without_a_network(chromium, tmp_path):
    context = chromium.launch_persistent_context(
        tmp_path,
        executable_path=CHROMIUM,
        args=[*QUIET, "--use-fake-device-for-media-stream", "--deny-permission-prompts"],
    )
    with serving(create_app()) as address:
        page = context.new_page()
        page.goto(address)
        expect(page.locator("#offline")).to_contain_text("without a network", timeout=PATIENCE)
        errors = context.new_cdp_session(page).send("Page.getInstallabilityErrors")
        assert errors["installabilityErrors"] == []
    context.set_offline(True)  # and the server is gone
    page.reload()
    page.locator("html[data-ready=yes]").wait_for(state="attached", timeout=PATIENCE)
    open_photo(page, astronaut())
    expect(page.locator(".card .top")).to_have_text("happy")
    page.get_by_role("button", name="Camera", exact=True).click()  # and is refused, really
    page.get_by_role("button", name="Start the camera").click()
    expect(page.locator("#placeholder")).to_contain_text("The camera was refused.")
    context.close()


def test_axe_finds_no_violation(page):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page.set_viewport_size({"width": 393, "height": 851})

    def check() -> None:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            found = axe.run(page).response["violations"]
            assert [(v["id"], [n["html"] for n in v["nodes"]]) for v in found] == []
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 393, "the page is wider than the phone"

    check()
    page.get_by_role("button", name="Record", exact=True).first.click()
    check()
    open_photo(page, collage())
    expect(page.locator(".card")).to_have_count(3)
    check()

"""The page in a real browser: Chromium, driven by playwright, with a camera that is a file."""

import base64
import io
import json
import re
import urllib.request
import zipfile

import pytest
from demo_fixtures import astronaut, collage, encoded, serving
from page_helpers import (
    CHROMIUM,
    PATIENCE,
    QUIET,
    break_engine,
    camera_of,
    expect,
    expect_warning,
    open_photo,
    until,
)
from PIL import Image

from demo.app import create_app
from fer_utils.export import SHIPPED
from fer_utils.export.files import FACTS

pytest_plugins = ["page_fixtures"]

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
    expect(page.locator("#summary")).to_have_text("")  # that would be said twice
    expect(page.locator("#picture")).to_have_attribute("aria-label", re.compile("No face found"))
    expect(page.locator(".card")).to_have_count(0)
    page.set_input_files("#file", {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": b"text"})
    expect(page.locator("#placeholder")).to_contain_text("no picture that the browser can read")


def test_the_photo_opened_last_is_shown(page):
    page.evaluate("""async () => {
      const { Engine } = await import("/js/engine.js");
      const late = new Promise((resolve) => { window.release = resolve; });
      let count = 0;
      patch(Engine.prototype, "look", (look) => async function (...of) {
        const first = !count++, faces = await look.apply(this, of);
        if (first) await late;
        return faces;
      });
    }""")
    open_photo(page, collage())
    open_photo(page, astronaut())
    expect(page.locator(".card")).to_have_count(1)
    page.evaluate("release()")
    page.wait_for_timeout(300)
    expect(page.locator(".card")).to_have_count(1)


def test_a_photo_read_too_late_does_not_disturb_the_camera(page):
    page.evaluate("""() => patch(window, "createImageBitmap", (create) => async (...of) => {
      await new Promise((resolve) => { window.release = resolve; });
      return create(...of);
    })""")
    open_photo(page, astronaut())
    until(page, "'release' in window")
    page.get_by_role("button", name="Camera", exact=True).click()
    page.evaluate("release()")
    page.wait_for_timeout(300)
    expect(page.locator("#placeholder")).to_contain_text("will appear here")


def test_what_fails_is_said_and_the_next_photo_works(page):
    break_engine(page, "find")
    open_photo(page, astronaut())
    expect(page.locator("#placeholder")).to_contain_text("could not be looked at")
    expect_warning(page, "as told")
    page.evaluate("unpatch()")
    open_photo(page, astronaut())
    expect(page.locator(".card")).to_have_count(1)
    break_engine(page, "classify")
    explain = page.locator("#explain")
    explain.click()
    expect(page.locator("#legend")).to_have_text("This could not be explained.")
    expect_warning(page, "as told")
    page.evaluate("unpatch()")
    expect(explain).to_have_text("Explain")
    explain.click()
    expect(explain).to_have_text("Go on")


def test_a_photo_larger_than_a_canvas_of_safari_is_shrunk(page):
    data = base64.b64encode(encoded(Image.new("RGB", (5000, 4000)))).decode()
    width, height, closed = page.evaluate(
        """async (data) => {
          const { readPhoto } = await import("/js/pixels.js");
          const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
          let closed = 0;
          patch(ImageBitmap.prototype, "close", (close) => function () {
            closed++;
            close.call(this);
          });
          const { width, height } = await readPhoto(new Blob([bytes]));
          return [width, height, closed];
        }""",
        data,
    )
    assert 0.999 * 2**24 < width * height <= 2**24
    assert width / height == pytest.approx(5 / 4, abs=1e-3)
    assert closed == 1


def test_a_box_without_an_area_is_no_face(page):
    faces = page.evaluate("""async () => {
      const { toFaces } = await import("/js/blazeface.js");
      const count = (width, height) => {
        const scores = [new Float32Array(512).fill(-100), new Float32Array(384).fill(-100)];
        const boxes = [new Float32Array(512 * 16), new Float32Array(384 * 16)];
        scores[0][0] = 10;
        boxes[0].set([0, 0, width, height]);
        return toFaces([...scores, ...boxes], { width: 128, height: 128 }, 128).length;
      };
      return [count(20, 20), count(-20, 20), count(20, 0), count(-20, -20), count(NaN, 20)];
    }""")
    assert faces == [1, 0, 0, 0, 0]


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
    about = page.locator("#about-net")
    expect(about).to_contain_text(f"right on {100 * file['accuracy']:.1f} %")
    expect(about).to_contain_text(facts["checked_on"])


def test_it_quotes_no_accuracy_that_was_not_measured(page):
    about = "async (facts) => (await import('/js/texts.js')).TEXTS.aboutNet(facts)"
    unmeasured = {"title": "A net", "variants": [{"accuracy": None}], "test": {}}
    assert page.evaluate(about, unmeasured) == "A net."
    measured = unmeasured | {"test": {"images": 1234, "accuracy": 0.5}}
    assert page.evaluate(about, measured) == "A net: right on 50.0 % of 1,234 test images."


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
    expect(page.locator("#record-count")).to_have_text(
        re.compile(r"([3-9]|\d\d+) pictures recorded")
    )
    expect(page.locator("#record-status")).to_have_text("Recording.")
    record.click()
    expect(page.locator("#record-status")).to_have_text("Recording has stopped.")
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
    expect(page.locator("#record-count")).to_have_text("")
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
        expect(page.locator("#picture")).to_have_attribute("aria-label", re.compile("No face"))
        expect(page.locator("#summary")).to_have_text("")
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
        how = "navigator.serviceWorker.getRegistration().then((found) => found.updateViaCache)"
        assert page.evaluate(how) == "none"
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

"""The page's camera and recorder when something is late, fails, or is pressed meanwhile."""

import pytest
from page_helpers import break_engine, expect, expect_warning, until

pytest_plugins = ["page_fixtures"]

#: Two cameras.  Each time the page asks for one, `asked` has one more {stream, give, refuse}.
CAMERAS = """() => {
  const device = { kind: "videoinput" };
  window.asked = [];
  patch(navigator.mediaDevices, "enumerateDevices", () => async () => [device, device]);
  patch(navigator.mediaDevices, "getUserMedia", () => () => new Promise((resolve, reject) => {
    const canvas = document.createElement("canvas"), context = canvas.getContext("2d");
    setInterval(() => context.fillRect(0, 0, canvas.width, canvas.height), 50);
    const stream = canvas.captureStream();
    asked.push({ stream, give: () => resolve(stream), refuse: () => reject(new Error()) });
  }));
}"""
GIVE = "asked.forEach(({ give }) => give())"
ALL_OFF = "asked.every(({ stream }) => stream.getTracks()[0].readyState === 'ended')"

#: createImageBitmap() waits for `release()` while `held` is true; `waiting` says that it does.
BITMAPS = """(atOnce) => {
  Object.assign(window, { held: atOnce, waiting: false });
  const released = new Promise((resolve) => { window.release = resolve; });
  patch(window, "createImageBitmap", (create) => async (...of) => {
    if (held) {
      window.waiting = true;
      await released;
    }
    return create(...of);
  });
}"""


@pytest.fixture
def two_cameras(page):
    """Return the page, with two cameras (`CAMERAS`) of which one is running."""
    page.evaluate(CAMERAS)
    start(page)
    page.evaluate(GIVE)
    expect(page.get_by_role("button", name="Other camera")).to_be_enabled()
    return page


def start(page) -> None:
    page.get_by_role("button", name="Start the camera").click()


def record(page) -> None:
    """Start the camera and a recording."""
    page.get_by_role("button", name="Record", exact=True).first.click()
    page.get_by_label("The face before the camera is mine").check()
    start(page)
    expect(page.locator(".card")).to_have_count(1)
    page.locator("#record").click()


def expect_no_recording(page, text: str) -> None:
    expect(page.locator("#record-status")).to_contain_text(text)
    expect(page.locator("#record")).to_have_text("Record")


# -- started, stopped, turned around ----------------------------------------------------------


def test_a_camera_that_comes_after_its_mode_was_left_is_stopped(page):
    page.evaluate(CAMERAS)
    start(page)
    page.get_by_role("button", name="Photo").click()
    page.evaluate(GIVE)
    until(page, ALL_OFF)
    assert page.evaluate("document.querySelector('video').srcObject") is None
    expect(page.locator("#placeholder")).to_contain_text("Choose a photo")
    page.get_by_role("button", name="Camera", exact=True).click()
    start(page)
    page.evaluate(GIVE)
    expect(page.get_by_role("button", name="Stop")).to_be_enabled()


def test_two_presses_are_one_turn_and_no_camera_is_left_on(two_cameras):
    page = two_cameras
    turn = page.get_by_role("button", name="Other camera")
    turn.evaluate("(button) => { button.click(); button.click(); }")
    expect(turn).to_be_disabled()
    assert page.evaluate("asked.length") == 2
    page.evaluate(GIVE)
    expect(turn).to_be_enabled()
    page.get_by_role("button", name="Stop").click()
    until(page, ALL_OFF)


def test_stop_is_obeyed_in_the_middle_of_a_turn(two_cameras):
    page = two_cameras
    page.get_by_role("button", name="Other camera").click()
    page.get_by_role("button", name="Stop").click()
    page.evaluate(GIVE)
    until(page, ALL_OFF)
    expect(page.get_by_role("button", name="Start the camera")).to_be_enabled()
    expect(page.get_by_role("button", name="Other camera")).to_be_hidden()


def test_a_turn_that_fails_ends_the_recording(two_cameras):
    page = two_cameras
    page.get_by_role("button", name="Record", exact=True).first.click()
    page.get_by_label("The face before the camera is mine").check()
    page.locator("#record").click()
    expect(page.locator("#record-status")).to_have_text("Recording.")
    page.get_by_role("button", name="Other camera").click()
    page.evaluate("asked[1].refuse()")
    expect(page.locator("#placeholder")).to_contain_text("could not be started")
    expect_no_recording(page, "Recording has stopped.")


def test_a_camera_that_is_pulled_out_is_missed(two_cameras):
    page = two_cameras
    page.evaluate("asked[0].stream.getTracks()[0].dispatchEvent(new Event('ended'))")
    expect(page.locator("#placeholder")).to_contain_text("The camera is gone")
    expect(page.get_by_role("button", name="Start the camera")).to_be_enabled()
    until(page, ALL_OFF)


# -- frame by frame ---------------------------------------------------------------------------


def test_no_frame_is_drawn_after_stop(page):
    page.evaluate(BITMAPS, True)
    start(page)
    until(page, "waiting")
    page.get_by_role("button", name="Stop").click()
    page.evaluate("release()")
    page.wait_for_timeout(300)
    expect(page.locator("#placeholder")).to_contain_text("will appear here")
    expect(page.locator(".card")).to_have_count(0)


def test_explain_is_not_disturbed_by_a_frame_on_its_way(page):
    page.evaluate(BITMAPS, False)
    start(page)
    expect(page.locator(".card")).to_have_count(1)
    page.evaluate("held = true")
    until(page, "waiting")
    page.evaluate("""async () => {
      const { Engine } = await import("/js/engine.js");
      patch(Engine.prototype, "classify", (classify) => async function (...of) {
        await new Promise((resolve) => setTimeout(resolve, 300));
        return classify.apply(this, of);
      });
    }""")
    explain = page.get_by_role("button", name="Explain")
    explain.evaluate("(button) => { button.click(); held = false; release(); }")
    page.get_by_role("button", name="Go on").click()
    expect(explain).to_be_enabled()


def test_a_net_that_fails_before_the_camera_is_not_kept_quiet(page):
    break_engine(page, "find")
    start(page)
    expect(page.locator("#placeholder")).to_contain_text("Something went wrong")
    expect_warning(page, "as told")
    expect(page.get_by_role("button", name="Start the camera")).to_be_enabled()
    assert page.evaluate("document.querySelector('video').srcObject") is None


def test_a_browser_that_tells_of_no_frames_and_stops_hidden_videos(page):
    page.evaluate("""() => {
      patch(HTMLVideoElement.prototype, "requestVideoFrameCallback", () => () => 0);
    }""")
    video = page.locator("video")
    assert video.evaluate("(video) => getComputedStyle(video).display") != "none"
    assert video.get_attribute("aria-hidden") == "true"
    start(page)
    expect(page.locator(".card")).to_have_count(1)


def test_frames_that_were_shown_are_freed(page):
    page.evaluate("""() => {
      window.freed = 0;
      patch(ImageBitmap.prototype, "close", (close) => function () {
        freed++;
        close.call(this);
      });
    }""")
    start(page)
    until(page, "freed > 2")


# -- recorded ---------------------------------------------------------------------------------


def test_without_consent_a_recording_ends_at_once(page):
    page.evaluate("""() => {
      window.reads = 0;
      patch(IDBObjectStore.prototype, "getAll", (all) => function (...of) {
        reads++;
        return all.apply(this, of);
      });
    }""")
    record(page)
    expect(page.locator("#record-count")).to_contain_text("pictures recorded")
    assert page.evaluate("reads") == 0  # they are counted without being read again
    page.get_by_label("The face before the camera is mine").uncheck()
    expect_no_recording(page, "Recording has stopped.")


@pytest.mark.parametrize(
    "add",
    [
        "() => () => { throw new DOMException('full', 'QuotaExceededError'); }",
        """(add) => function (...of) {  // what fails only when it is written
          const request = add.apply(this, of);
          request.addEventListener("success", () => this.transaction.abort());
          return request;
        }""",
    ],
    ids=["at once", "in the end"],
)
def test_storage_that_fails_ends_the_recording(page, add):
    page.evaluate(f"patch(IDBObjectStore.prototype, 'add', {add})")
    record(page)
    expect_no_recording(page, "storage does not work or is full")
    page.wait_for_timeout(500)  # another picture may have been on its way
    page.problems.clear()

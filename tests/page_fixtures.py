"""Fixtures of the page's tests: `pytest_plugins = ["page_fixtures"]`.

Each test file has a browser of its own: Chromium, driven by playwright, with a camera that is a
file.
"""

from pathlib import Path

import pytest
from demo_fixtures import astronaut, serving, write_webcam
from page_helpers import CHROMIUM, NO_WORKER, PATCH, PATIENCE, QUIET, playwright
from PIL import Image

from demo.app import create_app
from demo.rate_limit import RateLimit


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
    page.add_init_script(PATCH)
    page.goto(site)
    page.locator("html[data-ready=yes]").wait_for(state="attached", timeout=PATIENCE)
    yield page
    context.close()


@pytest.fixture
def page(loaded):
    """Return the page with nothing shown; fail on its console's lines and foreign requests."""
    yield loaded
    loaded.evaluate("unpatch()")
    for mode in ("Photo", "Camera"):
        loaded.get_by_role("button", name=mode, exact=True).click()
    problems, loaded.problems[:] = list(loaded.problems), []
    assert [text for text in problems if text != NO_WORKER] == []

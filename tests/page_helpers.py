"""What the tests of the page share; without a browser they are skipped."""

import json
import shutil

import pytest
from demo_fixtures import encoded
from PIL import Image

from demo import vendor

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

#: patch(object, name, make): replace a function by make(function), until unpatch().
PATCH = """{
  const undo = [];
  window.patch = (object, name, make) => {
    const before = Object.getOwnPropertyDescriptor(object, name);
    undo.push(() => {
      if (before) Object.defineProperty(object, name, before);
      else delete object[name];
    });
    object[name] = make(object[name]);
  };
  window.unpatch = () => { while (undo.length) undo.pop()(); };
}"""


def open_photo(page, picture: Image.Image, name: str = "photo.png") -> None:
    page.get_by_role("button", name="Photo", exact=True).click()
    page.set_input_files("#file", {"name": name, "mimeType": "image/png",
                                   "buffer": encoded(picture)})  # fmt: skip


def expect(locator):
    return playwright.expect(locator)


def until(page, condition: str) -> None:
    """Wait until a JavaScript expression is true."""
    for _ in range(PATIENCE // 100):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise AssertionError(condition)


def expect_warning(page, text: str) -> None:
    """Check that the page's last line to the console says `text`; `page` does not fail on it."""
    assert text in page.problems.pop()


def camera_of(page, color: str) -> None:
    """Let the page's camera show one color."""
    page.evaluate(
        """(color) => patch(navigator.mediaDevices, "getUserMedia", () => async () => {
          const canvas = document.createElement("canvas");
          const context = canvas.getContext("2d");
          const paint = () => {
            context.fillStyle = color;
            context.fillRect(0, 0, canvas.width, canvas.height);
          };
          setInterval(paint, 50);
          return canvas.captureStream();
        })""",
        color,
    )


def break_engine(page, method: str) -> None:
    """Let a method of the page's Engine fail, with "as told"."""
    page.evaluate(f"""async () => {{
      const {{ Engine }} = await import("/js/engine.js");
      patch(Engine.prototype, {json.dumps(method)}, () => async () => {{
        throw new Error("as told");
      }});
    }}""")

"""The page while its nets load, when they do not come, and what its service worker keeps."""

import functools
import http.server
import json
import shutil
import threading

import pytest
from demo_fixtures import astronaut
from page_helpers import PATIENCE, expect, open_photo, until

from demo.site import PAGE

pytest_plugins = ["page_fixtures"]


@pytest.fixture
def new_page(browser):
    """Return a page that has loaded nothing yet."""
    context = browser.new_context(service_workers="block")
    yield context.new_page()
    context.close()


def test_before_there_are_nets_every_mode_says_so(new_page, site):
    requests = []
    new_page.route("**/models/model.onnx", lambda route: requests.append(route))
    new_page.goto(site)
    new_page.get_by_role("button", name="Photo").click()
    expect(new_page.locator("#placeholder")).to_contain_text("Loading the nets")
    expect(new_page.locator("#file")).to_be_disabled()
    while not requests:
        new_page.wait_for_timeout(50)
    requests[0].abort()
    expect(new_page.locator("#placeholder")).to_contain_text("could not be loaded")
    new_page.get_by_role("button", name="Camera", exact=True).click()
    expect(new_page.locator("#placeholder")).to_contain_text("could not be loaded")
    expect(new_page.locator("#start")).to_be_disabled()


def test_a_detector_that_did_not_come_is_asked_for_again(new_page, site):
    new_page.route("**/blazeface_256.onnx", lambda route: route.abort())
    new_page.goto(site)
    new_page.locator("html[data-ready=yes]").wait_for(state="attached", timeout=PATIENCE)
    open_photo(new_page, astronaut())
    expect(new_page.locator("#placeholder")).to_contain_text("could not be looked at")
    new_page.unroute("**/blazeface_256.onnx")
    open_photo(new_page, astronaut())
    expect(new_page.locator(".card")).to_have_count(1)


# -- the service worker -----------------------------------------------------------------------

REGISTER = """async () => {
  await fetch("a.txt");  // now the browser's own cache has it, for an hour
  await navigator.serviceWorker.register("sw.js", { updateViaCache: "none" });
}"""
UPDATE = "navigator.serviceWorker.getRegistration().then((found) => found.update())"
KEPT = """async () => {
  const kept = {};
  for (const name of await caches.keys()) {
    for (const request of await (await caches.open(name)).keys()) {
      kept[new URL(request.url).pathname] = await (await caches.match(request)).text();
    }
  }
  return JSON.stringify(kept);
}"""


class KeepForAnHour(http.server.SimpleHTTPRequestHandler):
    """Serves a folder as many static hosts do."""

    def send_head(self):
        # a date knows whole seconds only, and a test changes files within one
        del self.headers["If-Modified-Since"]
        return super().send_head()

    def end_headers(self):
        self.send_header("Cache-Control", "max-age=3600")
        super().end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def worker_page(browser):
    """Return an empty page that may have a service worker."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture
def host(tmp_path):
    """Return the address of `tmp_path`."""
    handler = functools.partial(KeepForAnHour, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def publish(folder, version: str) -> None:
    """Write a page that consists of the worker and one file, which holds `version`."""
    folder.mkdir(exist_ok=True)
    shutil.copy(PAGE / "sw.js", folder)
    (folder / "index.html").write_text("<!doctype html>")
    (folder / "a.txt").write_text(version)
    precache = json.dumps({"version": version, "files": ["a.txt"]})
    (folder / "precache.js").write_text(f"self.PRECACHE = {precache};")


def expect_kept(page, **versions: str) -> None:
    """Wait until the caches hold these versions, by folder, and nothing else."""
    kept = json.dumps({f"/{folder}/a.txt": version for folder, version in versions.items()})
    until(page, f"({KEPT})().then((kept) => kept === JSON.stringify({kept}))")


def test_the_worker_keeps_what_the_host_has_now(worker_page, host, tmp_path):
    publish(tmp_path / "one", "old")
    worker_page.goto(f"{host}/one/")
    worker_page.evaluate(REGISTER)
    expect_kept(worker_page, one="old")
    publish(tmp_path / "one", "new")
    worker_page.evaluate(UPDATE)
    expect_kept(worker_page, one="new")


def test_the_worker_leaves_another_copy_of_the_page_alone(worker_page, host, tmp_path):
    for folder, version in (("one", "first"), ("two", "second")):
        publish(tmp_path / folder, version)
        worker_page.goto(f"{host}/{folder}/")
        worker_page.evaluate(REGISTER)
        until(worker_page, "navigator.serviceWorker.ready.then(() => true)")
    expect_kept(worker_page, one="first", two="second")

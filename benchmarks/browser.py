"""What the benchmarks in a browser share: the demo's server, and Chromium as a slow phone."""

import contextlib
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page, sync_playwright
from waitress import create_server

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script's is its own folder

from demo.app import create_app

DEVICE = "Pixel 7"
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking",
         "--disable-component-update", "--no-first-run")  # fmt: skip


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """Serve the demo while the block runs; yield its address."""
    server = create_server(create_app(), host="127.0.0.1", port=0, threads=8)

    def run() -> None:
        with contextlib.suppress(OSError):  # of its closed socket
            server.run()

    threading.Thread(target=run, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        server.close()


@contextlib.contextmanager
def phone() -> Iterator[tuple[Page, str]]:
    """Start the demo's server and Chromium as `DEVICE`; yield an empty tab and the address."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with serving() as address, sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=FLAGS)
        context = browser.new_context(**started.devices[DEVICE], service_workers="block")
        try:
            yield context.new_page(), address
        finally:
            browser.close()


@contextlib.contextmanager
def demo_page() -> Iterator[Page]:
    """Yield the demo's page, loaded, on a phone."""
    with phone() as (page, address):
        page.goto(address)
        page.locator("html[data-ready=yes]").wait_for(state="attached", timeout=120_000)
        yield page


def slow_down(page: Page, times: int) -> None:
    """Let the main thread of `page` run so many times slower from now on."""
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": times})

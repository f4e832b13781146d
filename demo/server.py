"""Serve the page and the interface on this machine: `python -m demo.server` (`make demo`)."""

import argparse
import contextlib
import sys

from waitress import create_server

from demo import vendor
from fer_utils.errors import FerError

HOST, PORT, THREADS = "127.0.0.1", 8000, 8


def main(arguments: list[str] | None = None) -> int:
    """Fetch what is missing, then serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=PORT, help=f"{PORT} if not given; 0: any free")
    options = parser.parse_args(arguments)
    try:
        vendor.fetch()
        from demo.app import create_app

        app = create_app(trusted_hosts=[HOST, "localhost"])
    except FerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    try:
        server = create_server(
            app, host=HOST, port=options.port, threads=THREADS, ident=None,
            max_request_body_size=2**26, clear_untrusted_proxy_headers=True,
        )  # fmt: skip
    except OSError as error:
        print(f"error: port {options.port}: {error.strerror}; choose another: make demo PORT=8080",
              file=sys.stderr)  # fmt: skip
        return 1
    print(f"http://localhost:{server.effective_port}  (Ctrl+C ends it)", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())

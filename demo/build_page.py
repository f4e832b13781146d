"""Write the page as a folder that any static host can serve: `python -m demo.build_page`.

The host has to be reached by https (or be localhost): browsers give a camera to no other.
"""

import argparse
import shutil
import sys
from pathlib import Path

from demo.site import SCRIPT, precache, site_files
from fer_utils.errors import FerError
from fer_utils.export import replaceable
from fer_utils.files import atomic_folder, write_text
from fer_utils.paths import BUILD, relative


def build_page(folder: Path = BUILD / "page") -> int:
    """Write the page into `folder`, replacing an earlier one; return the bytes of all files.

    Raises ConfigError for a `folder` that holds anything else, FerError when a file is missing.
    """
    folder = replaceable(folder, SCRIPT)
    files = site_files()
    with atomic_folder(folder) as temporary:
        for address, path in files.items():
            (temporary / address).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, temporary / address)
        write_text(temporary / SCRIPT, precache(files))
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main(arguments: list[str] | None = None) -> int:
    """Build the page; say where it is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=BUILD / "page", help="folder, replaced as a "
                        "whole: new, empty or an older page; build/page if not given")  # fmt: skip
    options = parser.parse_args(arguments)
    try:
        size = build_page(options.out)
    except FerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{relative(options.out)}: {size / 1e6:.1f} MB; serve it by https from any host")
    return 0


if __name__ == "__main__":
    sys.exit(main())

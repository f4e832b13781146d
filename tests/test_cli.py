"""The command line as a user meets it."""

import os
import runpy
import sys

import pytest


def test_a_reader_that_has_seen_enough_is_no_error(monkeypatch, capsys):
    """As in `python -m fer_utils recipes | head`."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", closed)
        patch.setattr(sys, "argv", ["fer_utils", "recipes"])
        with pytest.raises(SystemExit) as ended:
            runpy.run_module("fer_utils", run_name="__main__")
    assert ended.value.code == 1
    assert capsys.readouterr().err == ""

"""`python -m fer_utils`."""

import os
import sys

from fer_utils.cli import main

try:
    code = main()
    sys.stdout.flush()
except BrokenPipeError:  # who reads the output, `| head` for one, has seen enough
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # also for Python's last flush
    code = 1
sys.exit(code)

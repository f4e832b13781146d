"""`python -m fer_utils`."""

import sys

from fer_utils.cli import main

sys.exit(main())

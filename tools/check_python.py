"""Say clearly when the Python is too old; keeps to the syntax of 3.6, to run on an old one too."""

import sys

NEEDED = (3, 11)

if sys.version_info < NEEDED:
    version = ".".join(str(part) for part in sys.version_info[:3])
    needed = ".".join(str(part) for part in NEEDED)
    sys.exit(
        f"error: Python {needed} or later is needed; {sys.executable} is {version}.\n"
        f"what to do: install a newer one and run `make PYTHON=/path/to/python{needed} ...`."
    )

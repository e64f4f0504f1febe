#!/bin/sh
# Every package in the image, Debian's and Python's, one `name=version` a line.
set -eu
dpkg-query --show --showformat '${Package}=${Version}\n'
python - <<'PYTHON'
from importlib.metadata import distributions

print(*sorted({f"{found.name}=={found.version}" for found in distributions()}), sep="\n")
PYTHON

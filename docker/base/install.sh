#!/bin/sh
# Install hash-pinned locks from /wheels into /opt/venv; runs in the first stage of an image.
# Usage: install.sh LOCK...
set -eu

if ! python3 -m ensurepip --version >/dev/null 2>&1; then
    # Debian ships it apart; only this stage, which is thrown away, needs it.
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends python3-venv
fi
python3 -m venv /opt/venv
# It comes with the virtual environment in a version that nobody pinned.
/opt/venv/bin/python -m pip uninstall --yes --quiet --root-user-action ignore setuptools
for lock in "$@"; do
    # Byte code is made below, without time stamps: the same packages give the same files.
    /opt/venv/bin/python -m pip install --no-index --find-links /wheels --require-hashes --no-deps \
        --no-compile --disable-pip-version-check --root-user-action ignore -r "$lock"
done
/opt/venv/bin/python -m pip uninstall --yes --quiet --root-user-action ignore pip

# Headers and CMake files of torch serve only to compile extensions against it.
rm -rf /opt/venv/lib/python3*/site-packages/torch/include \
    /opt/venv/lib/python3*/site-packages/torch/share/cmake
find /opt/venv -name __pycache__ -prune -exec rm -rf {} +
echo "compiling byte code"
# -S: else modules that .pth files import at the start would come out differently. Packages hold a
# few templates that are no valid Python; pip skips those silently too.
PYTHONHASHSEED=0 /opt/venv/bin/python -S -m compileall -qq --invalidation-mode unchecked-hash \
    /opt/venv/lib || true

#!/usr/bin/env bash
# README's two commands in a clone of its own, on a machine with Python, g++ and make: no engine, no
# SSH server, no browser, no npm, no git, nothing in the home folder. The tests run under more load.
# Of the sim layer, which ran as a whole before in the same environments, a network goes all the way.
set -euo pipefail

clone="a fresh machine/finn-bench" # the clone's folder
place=$(mktemp -d)
load=
trap 'kill $load 2>/dev/null || true; rm -rf "$place"' EXIT

# All that this machine can find: a folder with links to the programs that every Debian has, and to
# the few that README names.
chmod 755 "$place" # as other folders are: one test is another user
mkdir "$place/bin" "$place/home"
essential=$(dpkg-query --show --showformat='${Essential} ${Package}\n' | sed -n 's/^yes //p')
dpkg-query --listfiles $essential | sed -En 's,^(/usr)?/bin/([^/]+)$,\2,p' | sort -u |
    while read -r name; do ln -s "$(type -P "$name")" "$place/bin/" 2>/dev/null || true; done
for name in g++ c++ gcc cc as ld ar ranlib make; do ln -s "$(type -P $name)" "$place/bin/"; done
# Not the link itself: where several Pythons are managed, it is a script that needs more than itself.
ln -s "$(python3 -c 'import os, sys; print(os.path.realpath(sys.executable))')" "$place/bin/python3"

# How this machine reaches package indexes is no part of what is tried, so that stays as it is, and
# so does what pip keeps. The data lie in a folder: here they came through npm, which is hidden.
if [ -d ~/.config/pip ]; then
    mkdir "$place/home/.config"
    cp -r ~/.config/pip "$place/home/.config/"
fi
passed=()
while IFS= read -r -d '' variable; do
    [[ $variable =~ ^(PIP_|UV_|SSL_|REQUESTS_|[a-zA-Z]+_(proxy|PROXY)=) ]] && passed+=("$variable")
done < <(env -0)
data="$place/data"
mkdir "$data"
.venv/bin/python .ci/published.py "$(printf "%s\n" "$PWD"/artifacts/dataset/mnist--*/files | head -1)" "$data"
cache=$(python3 -m pip cache dir)

in_clone() {
    (cd "$place/$clone" && env -i PATH="$place/bin" HOME="$place/home" \
        DOCKER_HOST=unix:///nonexistent.sock PIP_CACHE_DIR="$cache" BENCH_DATA="$data" \
        "${passed[@]}" "$@")
}
fresh() {
    in_clone make "$@"
}

git clone -q . "$place/$clone"
for name in docker sshd ssh chromium npm git; do
    ! PATH="$place/bin" command -v $name || { echo "$name is not hidden"; exit 1; }
done
fresh reproduce
(while :; do :; done) &
load=$!
fresh test LAYERS=lint,type,unit,integration
kill $load
load=
in_clone .venv/bin/tox run -e sim -- -k "published or bit_exact"

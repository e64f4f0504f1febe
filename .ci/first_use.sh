#!/usr/bin/env bash
# `make reproduce` in two clones at once, on an engine and a disk where nothing is: each sets up
# .venv, and both want the same images and the same network of one engine.
set -euo pipefail

other=$(mktemp -d)
trap 'rm -rf "$other"' EXIT
git clone -q . "$other/finn-bench"

reproduce() { make -C "$1" reproduce PROFILE=tiny RUNNER=docker 2>&1 | sed "s/^/$2: /"; }
reproduce . here &
here=$!
reproduce "$other/finn-bench" there &
there=$!

status=0
wait $here || status=1
wait $there || status=1
networks=$(docker network ls -q --filter label=finn-bench | wc -l)
echo "exit $status, networks of ours: $networks"
[ $status = 0 ] && [ "$networks" = 1 ]

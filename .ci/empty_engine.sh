#!/usr/bin/env bash
# Remove everything of ours, and nothing else, from the container engine: it is then as on a machine
# where bench never ran. Needs the engine's command only.
set -euo pipefail

remove() { # remove WHAT COMMAND...: run the command on the identifiers in standard input, if any
    local what=$1 found
    found=$(sort -u)
    [ -z "$found" ] || "${@:2}" $found >/dev/null
    echo "$what removed: $(wc -w <<<"$found")"
}

docker ps -aq --filter label=finn-bench | remove containers docker rm --force --volumes
docker network ls -q --filter label=finn-bench | remove networks docker network rm
docker volume ls -q --filter label=finn-bench | remove volumes docker volume rm
# What an image was built from goes after it: the base, whose labels all inherit, at last.
docker images -q --filter label=finn-bench | remove images docker rmi --force
docker images -q --filter label=finn-bench.recipe --filter dangling=true |
    remove "steps of builds" docker rmi --force
docker images -q --filter label=finn-bench.recipe | remove "base images" docker rmi --force

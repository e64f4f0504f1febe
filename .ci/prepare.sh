#!/usr/bin/env bash
# Install what the tests can ask for, and start a container engine.
set -euo pipefail

export DEBIAN_FRONTEND=noninteractive
needed=()
for pair in g++:g++ make:make dockerd:docker.io sshd:openssh-server mmdebstrap:mmdebstrap \
    chromium:chromium chromedriver:chromium-driver npm:npm; do
    command -v "${pair%%:*}" >/dev/null || needed+=("${pair##*:}")
done
if [ ${#needed[@]} -gt 0 ]; then
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "${needed[@]}" >/dev/null
fi

if ! docker info >/dev/null 2>&1; then
    echo "starting a container engine"
    # What an engine that was killed leaves behind would keep the next one from starting.
    pgrep -x dockerd >/dev/null || rm -f /run/docker.pid /run/docker/containerd/containerd.pid
    setsid dockerd >/tmp/bench-ci-dockerd.log 2>&1 </dev/null &
    for _ in $(seq 60); do
        docker info >/dev/null 2>&1 && break
        sleep 1
    done
    docker info >/dev/null 2>&1 || { tail -30 /tmp/bench-ci-dockerd.log; exit 1; }
fi

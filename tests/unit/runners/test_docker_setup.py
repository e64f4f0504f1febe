"""What the docker runner asks of an engine; what the engine makes of it is in tests/integration."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from docker.api.client import APIClient

from bench.errors import EnvironmentFailure
from bench.images import base
from bench.images.base import Base
from bench.runners import docker as module
from bench.runners.container import Setup, _creation
from bench.runners.docker import DockerRunner
from bench.runners.limits import Limits
from bench.runners.vivado import find_vivado
from contract.finn.synthesize import VIVADO_VERSIONS


def _created(**changes: object) -> dict[str, object]:
    setup = Setup(
        image="sha256:1",
        command=("/job/request.json",),
        user="1:1",
        variables={"A": "b"},
        mounts={"/in/dataset": Path("/host/dataset"), "/out": Path("/host/out")},
        writable=frozenset({"/out"}),
        labels={"a": "b"},
        cpus=2,
        limits=Limits(memory_bytes=1 << 30, processes=7),
    )
    api = APIClient(version="1.41")
    return _creation(api, setup.__class__(**{**setup.__dict__, **changes}))


def test_containers_are_closed_where_they_can_be() -> None:
    host = _created()["host_config"]
    assert host["NetworkMode"] == "none"
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["Init"] is True
    assert host["PidsLimit"] == 7
    assert host["Memory"] == host["MemorySwap"] == 1 << 30
    assert host["NanoCpus"] == 2_000_000_000


def test_a_port_is_published_on_loopback_only() -> None:
    assert _created()["host_config"].get("PortBindings") is None
    for port, bound in ((0, ""), (2222, "2222")):
        host = _created(publish=(22, port), tmpfs={"/home": "size=1"}, auto_remove=True)[
            "host_config"
        ]
        assert host["PortBindings"] == {"22/tcp": [{"HostIp": "127.0.0.1", "HostPort": bound}]}
        assert set(host["Tmpfs"]) == {"/tmp", "/home"}
        assert host["AutoRemove"] is True


def test_only_what_is_to_be_written_is_writable() -> None:
    mounts = {mount["Target"]: mount["ReadOnly"] for mount in _created()["host_config"]["Mounts"]}
    assert mounts == {"/in/dataset": True, "/out": False}


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> DockerRunner:
    monkeypatch.setattr(module, "version", lambda: "1")
    for each in (module, base):
        monkeypatch.setattr(each, "find_base", lambda: Base("base", "sha256:1", "local"))
    return DockerRunner(tmp_path, variables={})


def test_a_recipe_before_there_is_a_base_is_another_one(
    runner: DockerRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_base = runner.recipe("train")
    monkeypatch.setattr(module, "find_base", lambda: None)
    assert runner.recipe("train") != with_base


def test_the_recipe_of_a_base_found_and_of_one_prepared_is_the_same(
    runner: DockerRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = runner.recipe("finn")
    monkeypatch.setattr(module, "ensure_base", lambda *_: Base("base", "sha256:1", "local"))
    runner.prepare_base(lambda _: None, threading.Event())
    assert runner.recipe("finn") == found


@pytest.mark.parametrize(("options", "user"), [(["name=rootless"], "0:0"), (None, None)])
def test_files_are_to_belong_to_the_caller(options: list[str] | None, user: str | None) -> None:
    client = SimpleNamespace(info=lambda: {"SecurityOptions": options})
    assert module._user(client) == (user or f"{module.os.getuid()}:{module.os.getgid()}")


def _vivado(folder: Path, version: str) -> dict[str, str]:
    top = folder / "Vivado" / version
    (top / "bin").mkdir(parents=True)
    (top / "bin" / "vivado").touch()
    return {"XILINX_VIVADO": str(top)}


def test_vivado_is_part_of_the_key_of_its_own_stages_only(
    runner: DockerRunner, plain_path: Path, tmp_path: Path
) -> None:
    finn = runner.recipe("finn")
    recipes = set()
    for version in VIVADO_VERSIONS:
        runner._variables = _vivado(plain_path, version)
        runner.check("vivado")
        recipes.add(runner.recipe("vivado"))
        assert runner.recipe("finn") == finn
    assert len(recipes | {finn}) == 3
    runner._variables = _vivado(tmp_path, version)
    with pytest.raises(EnvironmentFailure, match=r"No bitstream can be built with .*' '"):
        runner.check("vivado")


def test_without_vivado_its_stages_are_skipped(
    runner: DockerRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert runner.lacks("vivado") == "XILINX_VIVADO is not set: no bitstream"
    monkeypatch.setattr(module, "check_base", lambda: None)
    runner.check("vivado")
    with pytest.raises(EnvironmentFailure, match="needs Vivado, and XILINX_VIVADO names none"):
        runner.recipe("vivado")


def test_a_licence_file_is_mounted_and_a_server_needs_the_network(tmp_path: Path) -> None:
    named = _vivado(tmp_path, VIVADO_VERSIONS[0])
    licence = tmp_path / "licence.lic"
    licence.touch()
    served = find_vivado(named | {"XILINXD_LICENSE_FILE": f"{licence}:2100@server"})
    assert licence in served.folders
    assert served.needs_network
    assert not find_vivado(named).needs_network


@pytest.mark.parametrize("wrong", ["path", "version", "unknown version", "licence"])
def test_a_wrong_vivado_is_an_error_that_names_it(
    runner: DockerRunner, tmp_path: Path, wrong: str
) -> None:
    variables = {
        "path": lambda: {"XILINX_VIVADO": str(tmp_path / "none")},
        "version": lambda: _vivado(tmp_path, "2019.1"),
        "unknown version": lambda: _vivado(tmp_path, "current"),
        "licence": lambda: (
            _vivado(tmp_path, VIVADO_VERSIONS[0]) | {"LM_LICENSE_FILE": str(tmp_path / "none.lic")}
        ),
    }[wrong]()
    with pytest.raises(EnvironmentFailure) as caught:
        find_vivado(variables)
    assert str(tmp_path) in caught.value.what
    assert caught.value.remedy
    # Whoever looks things up gets the reason, and no error.
    runner._variables = variables
    assert runner.lacks("vivado") == caught.value.what
    assert runner.lacks("finn") == ""

"""The stand-in of FINN+'s driver against the driver that is published, by their signatures."""

from __future__ import annotations

import ast
import subprocess
import sys
import zipfile

import pytest

from bench.paths import ROOT

DRIVER = "finn-plus-driver==1.6.1"
WHEEL = "sha256:631bc2761f7f49c1c348683e426fb6a018e1a12244a27748e43e407409d98e16"
STAND_IN = ROOT / "tests" / "integration" / "stand_ins"
# What docker/board/pynq_board.py uses.
USED = {"__init__", "batch_size", "ishape_normal", "execute", "execute_on_buffers"}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    wanted = folder / "wanted.txt"
    wanted.write_text(f"{DRIVER} --hash={WHEEL}\n")
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"]
    command += ["--require-hashes", "-d", str(folder), "-r", str(wanted)]
    subprocess.run(command, check=True)
    (wheel,) = folder.glob("*.whl")
    return zipfile.ZipFile(wheel)


def functions(source: str, place: str = "") -> dict[str, list[str]]:
    """Arguments and defaults of the functions in a class, or at the top, by name."""
    body = ast.parse(source).body
    if place:
        (found,) = (node for node in body if isinstance(node, ast.ClassDef) and node.name == place)
        body = found.body
    return {
        f"{node.name}{'.setter' if 'setter' in map(_last_name, node.decorator_list) else ''}": [
            *(argument.arg for argument in node.args.args),
            *map(ast.unparse, node.args.defaults),
            node.args.kwarg.arg if node.args.kwarg else "",
        ]
        for node in body
        if isinstance(node, ast.FunctionDef)
    }


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else ""


def test_the_stand_in_has_the_signatures_of_the_driver(published: zipfile.ZipFile) -> None:
    name = "finn_plus_driver/overlays/dma.py"
    theirs = functions(published.read(name).decode(), "FINNDMAOverlay")
    ours = functions((STAND_IN / name).read_text(), "FINNDMAOverlay")
    assert ours.keys() >= USED | {"batch_size.setter"}
    shared = {name: ours[name] for name in ours if not name.startswith("_shape")}
    assert shared == {name: theirs[name] for name in shared}


def test_the_stand_in_is_found_as_the_driver_is(published: zipfile.ZipFile) -> None:
    name = "finn_plus_driver/__init__.py"
    theirs = functions(published.read(name).decode())["get_driver_class"]
    assert functions((STAND_IN / name).read_text())["get_driver_class"] == theirs
    assert b'"FINNDMAOverlay": "finn_plus_driver.overlays.dma"' in published.read(name)


def test_the_driver_says_what_the_program_relies_on(published: zipfile.ZipFile) -> None:
    """The attribute with the clock, and that the driver sets the board's clock to 100 MHz."""
    source = published.read("finn_plus_driver/overlays/dma.py").decode()
    assert "self.fclk_mhz_actual = float(" in source
    assert "Clocks.fclk0_mhz = 100.0" in source
    requires = published.read("finn_plus_driver-1.6.1.dist-info/METADATA").decode()
    assert "Requires-Python: >=3.10" in requires

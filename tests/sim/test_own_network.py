"""A network that a Python file of a user's builds, as the documentation has it, run for real."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from quadrants import quadrants
from real_runs import Bench

from bench.paths import ROOT

PAGE = ROOT / "docs" / "how-to" / "own-network.md"
FEWER = "\n[simulate]\nimages = 20\n[measure]\nimages = 120\n"


def files_of(page: Path) -> dict[str, str]:
    """The files that a page shows, each after a line with its name."""
    shown = r"`(\w+\.\w+)`[^`\n]*:\n\n```\w+\n(.*?)^```"
    return dict(re.findall(shown, page.read_text(), re.MULTILINE | re.DOTALL))


def write_data(path: Path) -> None:
    """Images that are bright in the quadrant that their class names."""
    arrays = quadrants((1, 8, 8), range(100), brighter=120)
    np.savez(path, **{name: array.squeeze() for name, array in arrays.items()})


def test_the_example_goes_all_the_way(tmp_path: Path) -> None:
    """On small images of another data set, at one precision and in fewer epochs."""
    files = files_of(PAGE)
    assert set(files) == {"my_net.py", "my_net.toml", "foldings.toml"}
    grid = files["my_net.toml"].replace("Fashion-MNIST", "mine.npz")
    grid = grid.replace("[[2, 2], [4, 4]]", "[[3, 2]]")
    files["my_net.toml"] = f"{grid}{FEWER}"
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    write_data(tmp_path / "mine.npz")
    bench = Bench(tmp_path / "store")
    bench.run_grid(tmp_path / "my_net.toml")
    (row,) = bench.results("my-net").to_dict("records")
    assert (row["network"], row["dataset"], row["status"]) == ("my_net", "mine", "done")
    assert row["bit_exact"]
    assert row["accuracy"] > 0.9
    assert row["ii_simulated"] <= 1.01 * row["ii_estimated"]
    report = bench.store / "reports" / "my-net"
    assert "my_net-mine-float-s1" in (report / "trainings.csv").read_text()


def test_a_file_that_raises_stops_the_run_before_training(tmp_path: Path) -> None:
    files = files_of(PAGE)
    files["my_net.toml"] = f"{files['my_net.toml'].replace('Fashion-MNIST', 'mine.npz')}{FEWER}"
    wrong = "conv = qnn.QuantConv2d(channels, 8 // 0, kernel_size=3, **weights)"
    files["my_net.py"] = files["my_net.py"].replace(wrong.replace(" // 0", ""), wrong)
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    write_data(tmp_path / "mine.npz")
    bench = Bench(tmp_path / "store")
    running = bench.start("run", str(tmp_path / "my_net.toml"), "--runner", "venv")
    output, _ = running.communicate(timeout=600)
    assert running.returncode == 1, output
    line = 1 + [text.strip() for text in files["my_net.py"].splitlines()].index(wrong)
    said = " ".join(output.split())
    call = "build(weight_bits=2, act_bits=2, image_shape=(1, 8, 8), classes=4)"
    assert f"my_net.py, line {line}, in {call}: ZeroDivisionError" in said
    assert not list(bench.store.glob("train/*w2a2*"))

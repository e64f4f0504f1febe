"""The same bytes from the compile stage, wherever it runs and whatever its cache holds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from qonnx.core.modelwrapper import ModelWrapper

from compile_stage import FOLDING, SPEC, Outcome, compile_export, files
from contract.finn.compile import STAGE
from finn_worker import front, streamlined_cache
from finn_worker.kept import Cache
from quantized_mlp import QuantizedMLP
from stage_runs import new_request


def test_same_bytes_in_another_process_and_folder(
    compiled: Outcome, export: Path, tmp_path: Path
) -> None:
    new_request(tmp_path / "elsewhere", STAGE, SPEC, {"export": export})
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "7"}
    environment |= {"HOME": str(tmp_path)}
    command = [sys.executable, "-m", "stagekit", str(tmp_path / "elsewhere" / "request.json")]
    finished = subprocess.run(
        command,
        env=environment,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        check=True,
        capture_output=True,
        text=True,
    )
    result = json.loads((tmp_path / "elsewhere" / "result.json").read_text(encoding="utf-8"))
    assert result["status"] == "done", finished.stderr
    assert all(json.loads(line)["event"] for line in finished.stdout.splitlines())
    ours, theirs = files(compiled.outputs), files(tmp_path / "elsewhere" / "outputs")
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []
    assert [name for name in ours if str(compiled.outputs.parent).encode() in ours[name]] == []
    assert not list(tmp_path.glob(".finn")), "FINN+ wrote into the home folder"


def test_further_foldings_take_the_streamlined_model_from_the_cache(
    compiled: Outcome, export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(model: ModelWrapper) -> ModelWrapper:
        pytest.fail("streamlined again")

    other = [[2, 8], *FOLDING[1:]]
    alone = compile_export(tmp_path / "alone", export, folding=other)
    cache = compiled.outputs.parent / "cache"
    monkeypatch.setattr(front, "STREAMLINING", [(name, refuse) for name, _ in front.STREAMLINING])
    shared = compile_export(tmp_path / "shared", export, cache, folding=other)
    assert files(shared.outputs) == files(alone.outputs)
    assert files(shared.outputs) != files(compiled.outputs)
    assert shared.events[-1]["done"] == shared.events[-1]["total"]


def test_a_damaged_entry_of_the_cache_is_made_again_and_said(
    compiled: Outcome, export: Path, tmp_path: Path
) -> None:
    (name, whole), *others = files(compiled.outputs.parent / "cache").items()
    assert not others
    (tmp_path / name).write_bytes(whole[:-1000])
    again = compile_export(tmp_path / "again", export, tmp_path)
    assert files(again.outputs) == files(compiled.outputs)
    assert (tmp_path / name).read_bytes() == whole
    notes = [event["text"] for event in again.events if event["event"] == "note"]
    key = name.rsplit("-", 1)[0]
    assert notes.count(f"The cached file {key} was damaged; it is made again.") == 1


def test_another_export_has_another_entry(export: Path, tmp_path: Path) -> None:
    other = QuantizedMLP(weight_bits=3).export(tmp_path / "other")
    cache = Cache(tmp_path)
    places = [streamlined_cache.place(cache, folder) for folder in (export, other)]
    places.append(streamlined_cache.place(Cache(tmp_path / "elsewhere"), export))
    assert len({place.name for place in places}) == 2

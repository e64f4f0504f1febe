"""The published JSON schema: editors accept the grids that bench accepts, and refuse slips."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from bench.grids.grid import NO_GRIDS

ROOT = Path(__file__).resolve().parents[3]
GRIDS = [p for p in sorted(ROOT.glob("experiments/*.toml")) if p.name not in NO_GRIDS]


@pytest.fixture(scope="module")
def schema() -> Draft202012Validator:
    text = (ROOT / "docs" / "reference" / "grid.schema.json").read_text()
    Draft202012Validator.check_schema(json.loads(text))
    return Draft202012Validator(json.loads(text))


def quick() -> dict[str, Any]:
    return tomllib.loads((ROOT / "experiments" / "quick.toml").read_text())


@pytest.mark.parametrize("path", GRIDS, ids=lambda path: path.name)
def test_our_grids_are_accepted(schema: Draft202012Validator, path: Path) -> None:
    schema.validate(tomllib.loads(path.read_text()))


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [
        ("train", "epoch", 6),
        ("train", "epochs", 0),
        ("train", "bits", [[0, 2]]),
        ("train", "bits", [[2, 2, 2]]),
        ("build", "oversized", "maybe"),
        ("build", "board", []),
        ("simulate", "images", "all"),
    ],
)
def test_slips_are_refused(
    schema: Draft202012Validator, table: str, key: str, value: object
) -> None:
    grid = quick()
    grid[table][key] = value
    assert not schema.is_valid(grid)


def test_a_grid_trains_or_has_a_model(schema: Draft202012Validator) -> None:
    given = {**quick(), "model": {"file": "my.onnx", "dataset": "MNIST"}}
    assert not schema.is_valid(given)
    del given["train"]
    assert schema.is_valid(given)
    del given["model"]["file"]
    assert not schema.is_valid(given)
    del given["model"]
    assert not schema.is_valid(given)


def test_a_table_describes_all_its_keys_or_none(schema: Draft202012Validator) -> None:
    for name, table in schema.schema["$defs"].items():
        described = {key for key, value in table["properties"].items() if "description" in value}
        assert described in (set(), set(table["properties"])), name
    assert "description" in schema.schema["$defs"]["LimitsTable"]["properties"]["minutes"]


def test_what_bench_adds_itself_is_no_key(schema: Draft202012Validator) -> None:
    assert not schema.is_valid({**quick(), "folds": []})
    assert "folds" not in schema.schema["properties"]

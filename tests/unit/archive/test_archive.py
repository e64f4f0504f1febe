"""Archives: complete and the same every time, whole or not at all."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from built_archive import DATE, Built, contents

from bench import archive
from bench.archive import bag
from bench.archive.writer import Item, pack
from bench.errors import ConfigError
from bench.paths import ROOT
from bench.pipeline import Resolver, survey
from bench.store import Store


@pytest.mark.parametrize("suffix", ["tar.gz", "zip"])
def test_names_with_odd_characters(tmp_path: Path, suffix: str) -> None:
    names = [
        "data/50% of it",
        "data/two\nlines",
        "data/ä ö ü 図",
        "data/a%0Ab",
        "data/" + "x" * 200,
    ]
    target = tmp_path / f"a.{suffix}"
    pack([Item(name, name.encode()) for name in names], [], target, "top", DATE)
    files = contents(target)
    listed = bag.parse_manifest(files[bag.MANIFEST].decode(), bag.MANIFEST)
    assert set(names) == set(listed)
    assert all(files[name] == name.encode() for name in names)


def test_a_name_that_is_not_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not UTF-8"):
        pack([Item("data/\udcff", b"")], [], tmp_path / "a.zip", "top", DATE)
    assert list(tmp_path.iterdir()) == []


def test_a_report_that_is_older_than_the_store_is_not_packed(built: Built) -> None:
    path = built.resolver.store.root / "reports" / "test" / "results.csv"
    text = path.read_text()
    path.write_text(text.replace("0.9531", "0.9731"))
    try:
        with pytest.raises(ConfigError, match="does not match the store"):
            built.select()
        path.unlink()
        with pytest.raises(ConfigError, match="holds no report"):
            built.select()
    finally:
        path.write_text(text)


def test_a_grid_of_which_nothing_is_done_is_not_packed(built: Built, tmp_path: Path) -> None:
    resolver = Resolver(Store(tmp_path / "empty"), built.resolver.runners)
    nothing = survey(built.experiments, resolver)
    with pytest.raises(ConfigError, match="Nothing of grid 'test'"):
        archive.select(built.file, built.grid, built.experiments, (), nothing, ())
    assert not (tmp_path / "empty").exists()


def test_zenodo_is_told_what_the_citation_says(built: Built) -> None:
    citation = (ROOT / "CITATION.cff").read_text()
    chosen = built.select()
    tags = {item.name: item.source for item in chosen.tags}
    zenodo = json.loads(tags[".zenodo.json"])  # type: ignore[arg-type]
    for said in (zenodo["version"], zenodo["license"], zenodo["creators"][0]["name"]):
        assert said in citation
    assert replace(chosen, tags=()).bytes > 1000


def test_an_archive_verifies_without_the_users_data(tmp_path: Path) -> None:
    """They are packed where data are wanted, beside the grid that names them."""
    images, labels = np.zeros((1200, 28, 28), np.uint8), np.arange(1200) % 10
    data = tmp_path / "mine.npz"
    np.savez(data, x_train=images, y_train=labels, x_test=images, y_test=labels)
    own = Built(tmp_path, dataset="mine.npz")
    assert not [name for name in own.files if name.endswith("mine.npz")]
    with_data = contents(own.pack(tmp_path / "data.tar.gz", "data"))
    assert with_data["data/experiments/mine.npz"] == data.read_bytes()
    data.unlink()
    checked = archive.verify(own.packed)
    assert checked.findings == []
    assert checked.manifests > 5

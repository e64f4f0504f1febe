"""Files with claims: what is wrong in one is said, and which one counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import claims
from bench.errors import ConfigError
from bench.grids.grid import CLAIMS_FILE
from bench.paths import ROOT


def write(folder: Path, text: str) -> Path:
    path = folder / "claims.toml"
    path.write_text(text)
    return path


MINE = """
[mine]
judge = "throughput"
title = "t"
statement = "s"
source = "me"
networks = ["TFC"]
factor = 2.0
within = 0.1
pairs = [["low", "max"]]
tolerance = "10 %"
why = "because"
full = "a board"
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('judge = "throughput"', 'judge = "thruput"', "[mine] judge = 'thruput' is not known."),
        ('judge = "throughput"', "", "[mine] judge is missing."),
        ("factor = 2.0", 'factor = "2"', "[mine] factor = '2'"),
        ("factor = 2.0", "factr = 2.0", "unknown key 'factr'. Did you mean 'factor'?"),
        ("within = 0.1", "within = 1.5", "[mine] within = 1.5"),
        ('why = "because"', "", "the key 'why' is missing"),
        ('["TFC"]', '["TCF"]', "networks = 'TCF' is not known"),
        ("[mine]", '["no name!"]', "name = 'no name!'"),
        ('["low", "max"]', '["low", "low"]', "pairs names ['low', 'low'], and no folding is"),
        ('["low", "max"]', '["low"]', "pairs.0 is too short: give two names of foldings"),
        ('["low", "max"]', '["a", "b", "c"]', "give two names of foldings"),
        ("[mine]", "[mine", "is not valid TOML"),
        (MINE, "", "states no claim"),
        (MINE, "x = 1", "'x' is outside any table"),
    ],
)
def test_what_is_wrong_in_claims_toml_is_said(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        claims.load_claims(write(tmp_path, MINE.replace(old, new)))
    assert message in f"{caught.value.what} {caught.value.remedy}"


def test_what_counts_as_the_same_names_a_resource_of_the_claim(tmp_path: Path) -> None:
    text = (ROOT / "experiments" / CLAIMS_FILE).read_text()
    with pytest.raises(ConfigError) as caught:
        claims.load_claims(write(tmp_path, text.replace("{ lut = 0.024 }", "{ ff = 0.024 }")))
    assert "alike names 'ff', which `resources` does not" in caught.value.what


def test_claims_beside_a_grid_come_before_the_projects(tmp_path: Path) -> None:
    assert claims.claims_beside(tmp_path / "a.toml") == ROOT / "experiments" / "claims.toml"
    own = write(tmp_path, MINE)
    assert claims.claims_beside(tmp_path / "a.toml") == own
    assert list(claims.load_claims(own)) == ["mine"]

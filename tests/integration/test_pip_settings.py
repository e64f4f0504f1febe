"""pip's settings: those that lead to packages are kept, those that change what is installed not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.system.pip_settings import KEPT, as_variables, ignored, settings

# What would change which packages are installed, in which versions, from what, or where.
HARMFUL = {
    "constraint": "/c.txt", "no-binary": ":all:", "only-binary": ":none:", "platform": "any",
    "prefer-binary": "1", "pre": "1", "prefix": "/p", "requirement": "/r.txt", "root": "/r",
    "target": "/t", "upgrade": "1", "user": "1",
}  # fmt: skip


@pytest.fixture
def told(tmp_path: Path) -> dict[str, str]:
    """What pip is told by a file and by variables."""
    file = tmp_path / "pip.conf"
    harmful = "".join(f"{name} = {value}\n" for name, value in HARMFUL.items())
    file.write_text(
        "[global]\nindex-url = https://one/simple\ntimeout = 5\ntrusted-host = a\n    b\n"
        f"[install]\nretries = 7\n{harmful}[list]\nformat = json\n"
    )
    variables = {f"PIP_{name.upper().replace('-', '_')}": v for name, v in HARMFUL.items()}
    more = {"PIP_CONFIG_FILE": str(file), "PIP_TIMEOUT": "9", "PIP_FIND_LINKS": "/a b /ü"}
    return {"PATH": os.environ["PATH"], "PYTHONPATH": "/x", **variables, **more}


def test_what_leads_to_packages_is_kept_and_nothing_else(told: dict[str, str]) -> None:
    found = settings("install", told)
    assert ignored(found) == sorted(HARMFUL)
    kept = as_variables(found, told)
    assert "PYTHONPATH" not in kept
    assert kept["PIP_CONFIG_FILE"] == os.devnull
    kept = {name: value for name, value in settings("install", kept).items() if name in KEPT}
    expected = {
        "find-links": "/a b /ü", "index-url": "https://one/simple", "retries": "7",
        "timeout": "9", "trusted-host": "a\nb",
    }  # fmt: skip
    # This machine's own files may say more.
    assert {name: kept[name] for name in expected} == expected


def test_pip_then_heeds_what_is_kept_alone(told: dict[str, str]) -> None:
    kept = as_variables(settings("install", told), told)
    assert ignored(settings("install", kept)) == []


def test_a_file_that_pip_cannot_read_is_said(told: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("no section\n")
    with pytest.raises(ValueError, match=r"pip\.conf"):
        settings("install", told)

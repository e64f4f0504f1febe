"""claims.json, and the verdicts that later ones must not fall behind."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.claims.verdict import Judgement, Verdict, as_json
from bench.errors import StoreError, store_error
from bench.system.files import read_bytes, write_atomic

VERDICTS = "verdicts.json"
CLAIMS = "claims.json"
# What a verdict is worth; one that could not be tested has not been refuted, but is not held.
_RANK = {
    Verdict.NOT_TESTABLE: 0,
    Verdict.NOT_REPRODUCED: 0,
    Verdict.PARTLY: 1,
    Verdict.REPRODUCED: 2,
}


@dataclass(frozen=True)
class Fall:
    """A claim that fared better before.

    Attributes:
        claim: Its name.
        before: The best verdict kept.
        now: The present one; None where the claim is not stated any more.
    """

    claim: str
    before: Verdict
    now: Verdict | None

    def __str__(self) -> str:
        return f"{self.claim} was '{self.before}', now it is '{self.now or 'not stated'}'"


def write_claims(judgements: Sequence[Judgement], folder: Path) -> Path:
    """Write `claims.json` to `folder`; its path.

    Raises:
        StoreError: The folder cannot be written.
    """
    path = folder / CLAIMS
    _write(path, as_json(judgements))
    return path


def compare(
    judgements: Sequence[Judgement], folder: Path, *, accept: bool = False
) -> tuple[Fall, ...]:
    """Claims that fare worse than the best verdict kept in `folder`; keeps better ones.

    The verdict kept of a claim that fell stays, so that the fall is told until it is mended or
    accepted.

    Args:
        judgements: The present verdicts.
        folder: The grid's report.
        accept: Keep the present verdicts whatever they are.

    Raises:
        StoreError: What is kept cannot be read or written.
    """
    kept = {} if accept else _read(folder / VERDICTS)
    now = {one.claim: one.verdict for one in judgements}
    fallen = tuple(
        Fall(claim, before, now.get(claim))
        for claim, before in kept.items()
        if _RANK[before] > (_RANK[now[claim]] if claim in now else 0)
    )
    raised = {name: verdict for name, verdict in now.items() if not _falls(name, fallen)}
    new = {**kept, **raised}
    if new != kept or accept:
        _write(folder / VERDICTS, dict(sorted(new.items())))
    return fallen


def _falls(claim: str, fallen: Sequence[Fall]) -> bool:
    return any(fall.claim == claim for fall in fallen)


def _read(path: Path) -> dict[str, Verdict]:
    try:
        data = json.loads(read_bytes(path))
        return {str(name): Verdict(verdict) for name, verdict in data.items()}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise store_error(error, path) from error
    except (ValueError, AttributeError, RecursionError) as error:
        raise StoreError(
            f"{path}, the verdicts of earlier runs, cannot be read: {error}.",
            "`bench claims FILE --accept` writes it anew with the present verdicts.",
        ) from error


def _write(path: Path, data: Mapping[str, object]) -> None:
    try:
        text = json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False)
        write_atomic(path, text + "\n")
    except OSError as error:
        raise store_error(error, path) from error

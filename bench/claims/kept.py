"""claims.json, and the best verdicts so far: a worse one later is a regression."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.claims.judge import Judgement, as_json
from bench.claims.verdict import Verdict
from bench.errors import StoreError, store_error
from bench.system.files import read_bytes, write_atomic

VERDICTS = "verdicts.json"
CLAIMS = "claims.json"


@dataclass(frozen=True, kw_only=True)
class Regression:
    """A claim whose verdict was better before.

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
) -> tuple[Regression, ...]:
    """Claims with a worse verdict than the best kept in `folder`; keeps better verdicts.

    After a regression the better verdict stays, so that it is reported until the verdict is as good
    again or the new verdict is accepted.

    `accept` keeps the present verdicts whatever they are.

    Raises:
        StoreError: The file cannot be read or written.
    """
    kept = {} if accept else _read(folder / VERDICTS)
    now = {judgement.name: judgement.verdict for judgement in judgements}
    worse = {
        claim: Regression(claim=claim, before=before, now=now.get(claim))
        for claim, before in kept.items()
        if before.worth > (now[claim].worth if claim in now else 0)
    }
    new = {**kept, **{claim: verdict for claim, verdict in now.items() if claim not in worse}}
    if new != kept or accept:
        _write(folder / VERDICTS, dict(sorted(new.items())))
    return tuple(worse.values())


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

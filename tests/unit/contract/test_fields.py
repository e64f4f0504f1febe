"""Fields of specs: bench's tables and a worker's check hold users to the same annotations."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

import pytest
from pydantic import TypeAdapter, ValidationError

from bench.flows import all_stages
from contract.fields import Key, Means, Misfit, Range, fields_of, in_words, keys, parse, require


@dataclass(frozen=True, kw_only=True)
class Spec:
    count: Annotated[int, Range(ge=1, le=9), Key("How many.")]
    rate: Annotated[float, Range(gt=0)] | None = None
    mode: Literal["fast", "slow"] = "fast"
    pairs: tuple[tuple[int, int], ...] = ()
    flag: bool = False
    name: Annotated[str, Means("a name")] = "x"

    def check(self) -> None:
        if self.flag and self.mode == "slow":
            raise Misfit("mode", "= slow, with flag", "Give 'fast'.")


GOOD: dict[str, Any] = {
    "count": 3, "rate": 0.5, "mode": "slow", "pairs": [[1, 2], [3, 4]], "flag": False, "name": "y",
}  # fmt: skip


def test_arrays_become_tuples_and_come_back() -> None:
    spec = parse(Spec, GOOD)
    assert spec.pairs == ((1, 2), (3, 4))
    assert parse(Spec, asdict(spec)) == spec


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"count": 0}, "count is 0. Give count as a whole number from 1 to 9."),
        ({"count": 10}, "a whole number from 1 to 9"),
        ({"count": True}, "count is True"),
        ({"count": 2.0}, "count is 2.0"),
        ({"rate": 0}, "Give rate as a number above 0"),
        ({"rate": float("nan")}, "rate is nan"),
        ({"rate": "1"}, "rate is '1'"),
        ({"mode": "medium"}, "Give mode as 'fast' or 'slow'"),
        ({"pairs": [[1]]}, "pairs is ((1,),)"),
        ({"pairs": 5}, "pairs is 5"),
        ({"flag": 1}, "Give flag as true or false"),
        ({"name": 5}, "Give name as a name"),
        ({"flag": True}, "mode = slow, with flag. Give 'fast'."),
        ({"more": 1}, "more is unknown"),
    ],
)
def test_what_a_field_may_not_hold_is_refused_by_name(change: dict[str, Any], says: str) -> None:
    with pytest.raises(Misfit) as caught:
        parse(Spec, GOOD | change)
    assert says in str(caught.value)


def test_a_missing_field_is_named() -> None:
    with pytest.raises(Misfit, match="count is missing"):
        parse(Spec, {name: value for name, value in GOOD.items() if name != "count"})


def test_only_keys_are_for_users() -> None:
    assert list(keys(Spec)) == ["count"]


@pytest.mark.parametrize("stage", sorted(all_stages()))
def test_both_halves_agree_on_every_number_that_users_may_write(stage: str) -> None:
    """What pydantic takes for the host, `require` takes for the worker, and nothing else."""
    for name, annotation in keys(all_stages()[stage].spec).items():
        adapter = TypeAdapter(annotation)
        for value in (-1, 0, 0.0, 0.5, 1, 2, 99, 100, 101, 10**9, True, "fast", float("inf")):
            try:
                adapter.validate_python(value, strict=True)
                on_the_host = True
            except ValidationError:
                on_the_host = False
            assert _fits(value, annotation) == on_the_host, (stage, name, value)


def _fits(value: object, annotation: Any) -> bool:
    holder = dataclass(frozen=True)(type("Holder", (), {"__annotations__": {"value": annotation}}))
    try:
        require(holder(value))
    except Misfit:
        return False
    return True


def test_every_field_of_every_stage_can_be_said_in_words() -> None:
    for stage in all_stages().values():
        assert all(in_words(annotation) for annotation in fields_of(stage.spec).values())

"""What the text of a Python file tells of the network that it builds; nothing of it is run."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from contract.code import Code, CodeError
from contract.fields import Misfit, parse
from contract.stages.train import TrainSpec


def code(text: str, function: str = "build") -> Code:
    return Code(file="my_net.py", text=text, function=function)


@pytest.mark.parametrize(
    ("signature", "asked"),
    [
        ("weight_bits, act_bits", ("weight_bits", "act_bits")),
        ("act_bits, weight_bits, image_shape, classes",
         ("act_bits", "weight_bits", "image_shape", "classes")),
        ("weight_bits, act_bits, *, features, dropout=0.5",
         ("weight_bits", "act_bits", "features", "dropout")),
        ("weight_bits: int, act_bits: int, width=64, **rest", ("weight_bits", "act_bits")),
        ("width=64, /, weight_bits=1, act_bits=1", ("weight_bits", "act_bits")),
    ],
)  # fmt: skip
def test_what_a_function_asks_for(signature: str, asked: tuple[str, ...]) -> None:
    made = code(f"raise SystemExit\ndef build({signature}): pass\n")
    assert made.parameters() == asked
    assert made.flat == ("features" in asked)


@pytest.mark.parametrize(
    ("text", "what", "remedy"),
    [
        ("def build(:", "my_net.py, line 1: invalid syntax.", "Correct the file."),
        ("x = '\\0'\n\0", "null bytes.", "Correct the file."),
        ("-" * 100_000 + "1", "my_net.py is nested too deeply.", "Correct the file."),
        ("(" * 1000, "my_net.py, line 1: too many nested parentheses.", "Correct the file."),
        ("", "has no function 'build' at its top level.", "Write def build(weight_bits, act_bits"),
        ("if True:\n    def build(): pass", "has no function 'build'", "Write def build("),
        ("x = 1\nclass build: pass", "line 2: build is a class.", "Name a function"),
        ("async def build(): pass", "line 1: build is an async function.", "Name a function"),
        ("def build(act_bits): pass", "does not ask for weight_bits, so", "Write def build("),
        ("def build(): pass", "does not ask for weight_bits and act_bits, so", "image_shape"),
        ("def build(weight_bits, act_bits, features, image_shape): pass",
         "asks for both image_shape and features", "rows [N, F]"),
        ("def build(weight_bits, /, act_bits): pass", "'weight_bits' by position only", "'/'"),
    ],
)  # fmt: skip
def test_a_text_that_builds_no_network(text: str, what: str, remedy: str) -> None:
    with pytest.raises(CodeError) as caught:
        code(text).parameters()
    assert what in caught.value.what
    assert caught.value.what.startswith("my_net.py")
    assert remedy in caught.value.remedy


def test_names_to_choose_from() -> None:
    text = "def build(weight_bits, act_bits, clases): pass\ndef other(): pass\n"
    with pytest.raises(CodeError, match="line 1: build asks for 'clases', which") as caught:
        code(text).parameters()
    assert (caught.value.wrong, "classes" in caught.value.names) == ("clases", True)
    with pytest.raises(CodeError, match="no function 'bild'") as caught:
        code(text, "bild").parameters()
    assert (caught.value.wrong, caught.value.names) == ("bild", ("build", "other"))


def test_code_survives_json_and_nothing_else_passes() -> None:
    assert Code.from_json(asdict(code("x"))) == code("x")
    for data in (5, {}, {"file": "a.py", "text": 5, "function": "f"}, {"name": "x"}):
        with pytest.raises(ValueError, match="is no Python file"):
            Code.from_json(data)
    with pytest.raises(Misfit):
        parse(TrainSpec, {"code": 5})

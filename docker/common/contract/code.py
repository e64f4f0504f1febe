"""A network that a Python file of the user's builds: only a worker runs it.

The file has a function that is given, by the names of its parameters, what it asks for:

    def build(weight_bits, act_bits, image_shape, classes):
        ...
        return module

`weight_bits` and `act_bits` are as the experiment file gives them: a number, or a list of numbers;
0 where nothing is to be quantized. A function with the parameter `features` in place of
`image_shape` makes a network of arrays [N, features] rather than images [N, C, H, W].
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

LARGEST_CODE = 256 * 1024
"""Bytes of a file."""
BITS = ("weight_bits", "act_bits")
IMAGE, FLAT = "image_shape", "features"
OFFERED = (*BITS, IMAGE, FLAT, "classes", "dropout")
"""What a function may ask for."""


class CodeError(ValueError):
    """A file cannot build a network, as far as its text tells.

    Attributes:
        what: What is wrong.
        remedy: What would be right; empty where `names` has the words to choose from.
        wrong: A word that is not known.
        names: Those that are.
    """

    def __init__(
        self, what: str, remedy: str = "", *, wrong: str = "", names: tuple[str, ...] = ()
    ) -> None:
        super().__init__(what)
        self.what, self.remedy, self.wrong, self.names = what, remedy, wrong, names


@dataclass(frozen=True, kw_only=True)
class Code:
    """A Python file, and the function in it that returns a network.

    Attributes:
        file: Its name, for people.
        text: All of it.
        function: Of its top level.
    """

    file: str
    text: str
    function: str

    @property
    def flat(self) -> bool:
        """Whether the network takes arrays [N, features]."""
        return FLAT in self.parameters()

    def parameters(self) -> tuple[str, ...]:
        """Those of `OFFERED` that the function asks for; the text is read, and not run.

        Raises:
            CodeError: There is no such function, or it cannot be called.
        """
        function = self._function()
        where = f"{self.file}, line {function.lineno}: {self.function}"
        asked = dict(_parameters(where, function))
        if unknown := [name for name, needed in asked.items() if needed and name not in OFFERED]:
            raise CodeError(
                f"{where} asks for '{unknown[0]}', which there is not.",
                wrong=unknown[0],
                names=OFFERED,
            )
        if missing := [name for name in BITS if name not in asked]:
            raise CodeError(
                f"{where} does not ask for {' and '.join(missing)}, so that the bit widths of the "
                "experiment file would change nothing.",
                f"Write def {self.function}({', '.join((*BITS, IMAGE))}, classes).",
            )
        if IMAGE in asked and FLAT in asked:
            raise CodeError(
                f"{where} asks for both {IMAGE} and {FLAT}.",
                f"Ask for {IMAGE} to get images [N, C, H, W], or for {FLAT} to get rows [N, F].",
            )
        return tuple(name for name in asked if name in OFFERED)

    def _function(self) -> ast.FunctionDef:
        body = _parsed(self.file, self.text).body
        functions = {node.name: node for node in body if isinstance(node, ast.FunctionDef)}
        if self.function in functions:
            return functions[self.function]
        others = (node for node in body if isinstance(node, ast.ClassDef | ast.AsyncFunctionDef))
        for node in others:
            if node.name == self.function:
                kind = "a class" if isinstance(node, ast.ClassDef) else "an async function"
                raise CodeError(
                    f"{self.file}, line {node.lineno}: {self.function} is {kind}.",
                    "Name a function that returns the network.",
                )
        raise CodeError(
            f"{self.file} has no function '{self.function}' at its top level.",
            "" if functions else f"Write def {self.function}({', '.join(BITS)}, ...).",
            wrong=self.function,
            names=tuple(functions),
        )

    @classmethod
    def from_json(cls, data: Any) -> Code:
        """The reverse of `dataclasses.asdict`; raises `ValueError` for anything else."""
        try:
            return cls(**{name: _text(value) for name, value in data.items()})
        except (AttributeError, TypeError) as error:
            raise ValueError(f"is no Python file: {error}") from error


def _parsed(file: str, text: str) -> ast.Module:
    remedy = "Correct the file."
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the worker's log has them
            return ast.parse(text)
    except SyntaxError as error:
        what = f"{file}, line {error.lineno or 1}: {error.msg}."
        raise CodeError(what, remedy) from None
    except ValueError as error:  # a null byte, or a number of thousands of digits
        raise CodeError(f"{file} is no Python: {error}.", remedy) from None
    except (RecursionError, MemoryError):
        raise CodeError(f"{file} is nested too deeply.", remedy) from None


def _parameters(where: str, function: ast.FunctionDef) -> Iterator[tuple[str, bool]]:
    """Each that can be given by name, and whether it has to be given.

    Raises:
        CodeError: One that has to be given cannot be given by name.
    """
    given = function.args
    positional = [*given.posonlyargs, *given.args]
    optional = len(given.defaults)
    for number, argument in enumerate(positional, start=1):
        needed = number <= len(positional) - optional
        if number > len(given.posonlyargs):
            yield argument.arg, needed
        elif needed:
            raise CodeError(
                f"{where} takes '{argument.arg}' by position only.",
                "Delete the '/' among its parameters.",
            )
    for argument, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        yield argument.arg, default is None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value

"""What a Python file of the user's raises, as an error that names its line."""

from __future__ import annotations

import linecache
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from types import TracebackType

from contract.code import Code
from stagekit import StageError, of_the_disk

LONGEST = 300
"""Characters of an error's text that are shown; the log has all of it."""
SHOWN_FRAMES, LONGEST_EXCERPT = 8, 4000
"""The last calls in the file that are shown of an error, and the characters of all of them."""
TOOLS = ("pip", "setuptools", "pytest")
"""Distributions of the environment that nobody imports."""


class TooSlow(BaseException):
    """A file's code took longer than it may; no `except Exception` stops it."""


@contextmanager
def blamed(code: Code | None, doing: str, *, only_its_lines: bool = False) -> Iterator[None]:
    """Turn what `code` raises into an error for people.

    Args:
        code: The file; None leaves all errors as they are.
        doing: What is done meanwhile, as part of a sentence: `when it is imported`.
        only_its_lines: Whether errors that no line of the file has to do with are left as they are.

    Raises:
        StageError: Something raised.
    """
    try:
        yield
    except StageError:
        raise
    except (Exception, SystemExit, TooSlow) as error:
        if code is None or of_the_disk(error) is not None:
            raise
        line = line_of(code, error)
        if line is None and only_its_lines:
            raise
        where = code.file if line is None else f"{code.file}, line {line}"
        what = f"{where}, {doing}: {said(error)}"
        raise StageError(what, _remedy(code, error), frames_of(code, error)) from error


def line_of(code: Code, error: BaseException) -> int | None:
    """The line of `code` that an error comes from, or passed last; None if it did not."""
    if isinstance(error, SyntaxError) and error.filename == code.file:
        return error.lineno
    found = None
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == code.file:
            found = trace.tb_lineno
        trace = trace.tb_next
    return found


def frames_of(code: Code, error: BaseException) -> str:
    """The calls in the file that led to an error, as a traceback without anybody else's.

    Empty where none did.
    """
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == code.file
    ]
    if not frames:
        return ""
    last = traceback.StackSummary.from_list(frames[-SHOWN_FRAMES:])
    text = "Traceback (most recent call last):\n" + "".join(last.format()) + said(error)
    return text if len(text) <= LONGEST_EXCERPT else f"{text[:LONGEST_EXCERPT]}..."


def said(error: BaseException) -> str:
    """Kind and text of an error, on one line that ends like a sentence."""
    try:
        text = " ".join(str(error).split()).rstrip(".")
    except Exception:
        text = ""
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}..."
    kind = type(error).__name__
    if isinstance(error, TooSlow):
        return f"{text}."
    return f"{kind}: {text}." if text else f"{kind}."


def show_lines_of(code: Code) -> None:
    """Let tracebacks in the log quote the file's lines: there is no such file here."""
    lines = code.text.splitlines(keepends=True)
    linecache.cache[code.file] = (len(code.text), None, lines, code.file)


def _remedy(code: Code, error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError):
        return (
            f"Import only what the training environment has ({', '.join(_packages())}); what is in "
            f"other files of yours has to be written into {code.file}."
        )
    if isinstance(error, TooSlow):
        return "Build the network at once, and leave data and training to bench."
    if isinstance(error, SystemExit):
        return f"Return the network from {code.function}, and do not end the process."
    return "Correct the file; the log has the whole traceback."


def _packages() -> list[str]:
    names = {str(found.metadata["Name"]) for found in metadata.distributions()}
    return sorted(names.difference(TOOLS), key=str.lower)

"""The documents: links, paths, commands, variables and versions that they name are there."""

import re
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from bench import __version__
from bench.cli import cli
from bench.grids.experiment import expand
from bench.grids.grid import load_grid

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted((
    *ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("changes/*.md"),
    ROOT / "artifacts" / "README.md",
))  # fmt: skip
FOLDERS = ("bench", "benchmarks", "docker", "docs", "experiments", "tests", "tools")
SOURCES = sorted(
    path
    for pattern in ("*.py", "*.toml", "*.sh", "*.j2", "*.sv", "*.v", "*.cpp", "*.ini")
    for folder in FOLDERS
    for path in (ROOT / folder).rglob(pattern)
)
LINK = re.compile(r"\]\(([^()\s]+)\)")
PATH = re.compile(
    rf"(?<![\w/.-])((?:{'|'.join(FOLDERS)}|requirements|changes|\.ci|\.github)/[\w.*][\w./*-]*)"
)
CODE = re.compile(r"```\w*\n(.*?)```|(?<!`)`([^`]+)`(?!`)", re.DOTALL)
YOURS = {"experiments/mine.toml", "changes/clock-in-mhz.fixed.md"}
"""Examples of what a reader may write."""
OTHERS_OPTIONS = {
    "--index-url",  # of pip
    "--nthreads",  # of Dask
    "--build",
    "--no-assert",  # of Verilator
}
VARIABLE = re.compile(r"\bBENCH_[A-Z_]+\b")
Words = tuple[str, ...]
"""A command by its words: `("bench", "store", "ls")`."""


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(document: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_relative_links_lead_somewhere(document: Path) -> None:
    targets = [t for t in LINK.findall(document.read_text()) if "://" not in t]
    for target in targets:
        name, _, anchor = target.partition("#")
        path = (document.parent / name).resolve() if name else document
        assert path.exists(), f"{target} leads nowhere"
        assert path.is_relative_to(ROOT), f"{target} is outside the checkout"
        assert not anchor or anchor in anchors(path), f"{target}: no such heading"


def exists(name: str) -> bool:
    """Whether there is such a path; decisions may be named by their number."""
    name = name.rstrip(".-")
    return name in YOURS or any(ROOT.glob(name)) or any(ROOT.glob(f"{name}-*"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_paths_in_documents_are_there(document: Path) -> None:
    assert [p for p in PATH.findall(document.read_text()) if not exists(p)] == []


def test_documents_named_in_sources_are_there() -> None:
    wrong = [
        f"{named(source)}: {name}"
        for source in SOURCES
        for name in PATH.findall(source.read_text())
        if name.startswith("docs/") and not exists(name)
    ]
    assert wrong == []


def commands(
    group: click.Command, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], set[str]]]:
    """Every command by its words, with its options."""
    context = click.Context(group)
    options = {name for parameter in group.get_params(context) for name in parameter.opts}
    yield path, options
    if isinstance(group, click.Group):
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            yield from commands(command, (*path, name))


@pytest.fixture(scope="module")
def options() -> dict[Words, set[str]]:
    """The options of every command."""
    return dict(commands(cli, ("bench",)))


def calls(document: Path) -> Iterator[list[str]]:
    """The words of every call of bench in the code of a document."""
    for block, span in CODE.findall(document.read_text()):
        for line in (block or " ".join(span.split())).splitlines():
            called = re.match(r"(?:\.venv/bin/)?bench (.*)", line.strip())
            if called:
                yield called[1].partition(" #")[0].split()


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_calls_in_documents_are_right(document: Path, options: dict[Words, set[str]]) -> None:
    for words in calls(document):
        path = ("bench",)
        while (longer := (*path, *words[len(path) - 1 : len(path)])) != path and longer in options:
            path = longer
        assert path != ("bench",) or words[0].startswith("-"), f"bench {words[0]}"
        given = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert given <= options[path], " ".join((*path, *words))


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_options_in_documents_are_there(document: Path, options: dict[Words, set[str]]) -> None:
    every = set[str]().union(*options.values()) | OTHERS_OPTIONS
    spans = [span.split()[0] for _, span in CODE.findall(document.read_text()) if span.strip()]
    assert [word for word in spans if word.startswith("--") and word not in every] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_targets_and_environments_are_there(document: Path) -> None:
    code = "\n".join(block or span for block, span in CODE.findall(document.read_text()))
    targets = set(re.findall(r"^(?:\w+=\S+ )*make ([a-z./-]+)", code, re.MULTILINE))
    makefile = (ROOT / "Makefile").read_text()
    assert {
        t for t in targets if not re.search(rf"^[\w -]*\b{t}\b[\w -]*:", makefile, re.M)
    } == set()
    environments = set(re.findall(r"tox (?:run )?-e ([a-z]+)", code))
    ini = (ROOT / "tox.ini").read_text()
    assert {name for name in environments if f"[testenv:{name}]" not in ini} == set()


def test_the_grid_of_the_tutorial_is_valid(tmp_path: Path) -> None:
    """And has as many designs as the tutorial says."""
    text = (ROOT / "docs" / "tutorial.md").read_text()
    (grid,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    shutil.copy(ROOT / "experiments" / "foldings.toml", tmp_path)
    path = tmp_path / "mine.toml"
    path.write_text(grid)
    designs = len(expand(load_grid(path)))
    assert f"{designs} designs" in text


def test_the_terms_are_those_of_the_field() -> None:
    """Phrases that engineers of the field do not use, each of which was here once."""
    phrases = (
        "be had", "fares worse", "rehears", "anew", "mended", "something else than", "gone on",
        "whatever became", "what is left of it", "is told every",
    )  # fmt: skip
    generated = {"exit-codes.md", "command-line.md", "grid.md"}  # the words of the code
    uses = [
        f"{named(document)}: {phrase}"
        for document in DOCUMENTS
        if document.name not in generated
        for phrase in phrases
        if f" {phrase}" in " ".join(document.read_text().split())
    ]
    assert uses == []


def test_percentages_are_written_in_one_way() -> None:
    """As results.csv and the report write them: 6%, without a blank."""
    apart = re.compile(r"[0-9] %(?![\w({}])")
    texts = [*DOCUMENTS, *(path for path in SOURCES if path.suffix in {".toml", ".j2"})]
    assert [named(path) for path in texts if apart.search(path.read_text())] == []


def test_every_package_is_in_the_tour() -> None:
    tour = (ROOT / "docs" / "explanation" / "tour.md").read_text()
    packages = [path.parent.name for path in (ROOT / "bench").glob("*/__init__.py")]
    assert [name for name in packages if f"`{name}/`" not in tour] == []


def test_readme_is_short_with_a_picture() -> None:
    text = (ROOT / "README.md").read_text()
    assert len(text.split()) <= 700
    (picture,) = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert (ROOT / picture).stat().st_size < 150_000


def test_every_page_is_in_the_index() -> None:
    index = ROOT / "docs" / "README.md"
    listed = {
        (index.parent / t.partition("#")[0]).resolve() for t in LINK.findall(index.read_text())
    }
    pages = {
        p for p in DOCUMENTS if p.is_relative_to(ROOT / "docs") and p.parent.name != "decisions"
    }
    assert {named(page) for page in pages - listed - {index}} == set()


def test_every_decision_is_in_its_index() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = LINK.findall((folder / "README.md").read_text())
    assert sorted(listed) == sorted(p.name for p in folder.glob("0*.md"))


def test_every_variable_is_documented() -> None:
    """And nothing is documented that no program reads."""
    read = {
        name
        for source in (*SOURCES, ROOT / "Makefile", ROOT / "tox.ini", *(ROOT / ".ci").iterdir())
        if source != Path(__file__)
        for name in VARIABLE.findall(source.read_text())
    }
    page = (ROOT / "docs" / "reference" / "environment.md").read_text()
    documented = set(VARIABLE.findall(page)) - {"BENCH_"}
    assert documented == read - {"BENCH_"}


def test_one_version_everywhere() -> None:
    """The version of the code is the newest release, with one date."""
    citation = (ROOT / "CITATION.cff").read_text()
    (version,) = re.findall(r"^version: (\S+)$", citation, re.MULTILINE)
    (released,) = re.findall(r"^date-released: (\S+)$", citation, re.MULTILINE)
    changelog = (ROOT / "CHANGELOG.md").read_text()
    newest = re.findall(r"^## \[(\d[^\]]*)\] - (\S+)$", changelog, re.MULTILINE)[0]
    assert newest == (version, released)
    assert __version__ == version
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["dynamic"] == ["version"], "hatch takes it from bench/__init__.py"


def test_actions_are_pinned() -> None:
    """Tags of somebody else's repository move; commits do not."""
    uses = [
        line.partition("uses:")[2].strip()
        for path in (ROOT / ".github" / "workflows").glob("*.yml")
        for line in path.read_text().splitlines()
        if "uses:" in line
    ]
    assert uses
    assert [use for use in uses if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v[\d.]+", use)] == []


def test_hooks_call_locked_tools() -> None:
    """Versions are pinned once, in requirements/dev.lock."""
    entries = re.findall(
        r"entry: .*?\.venv/bin/([\w-]+)", (ROOT / ".pre-commit-config.yaml").read_text()
    )
    lock = (ROOT / "requirements" / "dev.lock").read_text()
    packages = {"lint-imports": "import-linter"}
    tools = {packages.get(tool, tool) for tool in entries} - {"python"}
    assert tools
    assert {tool for tool in tools if not re.search(rf"^{tool}==", lock, re.MULTILINE)} == set()

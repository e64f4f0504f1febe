"""Check an archive without a store: files, hashes, and that the numbers follow from them."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from bench import claims, report
from bench.archive import bag, tags
from bench.archive.bag import ArchiveError
from bench.archive.points import Points, missing_artifacts, read_points, recorded
from bench.archive.reader import Member, members, read_in_chunks
from bench.archive.rendered import Comparison, Computed, compare_report
from bench.archive.tables import Counter
from bench.archive.tags import renderer
from bench.claims.kept import CLAIMS
from bench.console.text import counted, excerpt
from bench.errors import ConfigError, StoreError, store_error
from bench.grids.grid import CLAIMS_FILE
from bench.input.reading import UnreadableFile, read_json
from bench.pipeline import Survey
from bench.results.frame import rows_of
from bench.results.rows import wrong_rows
from bench.store import Manifest, Store
from bench.store.keys import SHORT, artifact_key, canonical

# Files that are parsed are read as a whole; no metrics or table is larger.
LARGEST = 64 << 20
LOG = "/log.txt"
_WHAT_TO_NAME = "Name what `bench export` wrote, or the folder that it was unpacked into."
# Raised for values of other types, and for nesting that is too deep.
_INVALID_DATA = (
    ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError,
)  # fmt: skip
_PARSED = ("/manifest.json", "/metrics.json", LOG)
_OF_REPORTS = (".csv", ".json", ".html", ".md", ".svg", ".png")


@dataclass
class Checked:
    """What was checked, and what is wrong.

    Attributes:
        findings: What is wrong, a sentence each.
        unchecked: What nothing in the archive can confirm.
        files: Number of hashes compared.
        manifests: Number of manifests checked.
        values: Number of values computed again.
        wrong: Rows whose designs compute something else than the trained model.
        bench: The version that wrote the archive.
    """

    findings: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    files: int = 0
    manifests: int = 0
    values: int = 0
    wrong: list[str] = field(default_factory=list)
    grid: str = ""
    bench: str = ""


def verify(path: Path) -> Checked:
    """Check the archive at `path`, or the folder that one was unpacked into.

    Raises:
        ConfigError: There is no such file, or it is no archive.
        ArchiveError: It cannot be read to its end, or was written by a version of bench that this
            version does not understand.
    """
    checked = Checked()
    with tempfile.TemporaryDirectory(prefix="bench-verify-") as temporary:
        folder = Path(temporary)
        taken = {m.name: _take(m, folder) for m in members(path)}
        digests = {name: digest for name, (digest, _) in taken.items()}
        _check_bag(path, digests, folder, checked)
        sizes = [size for name, (_, size) in taken.items() if name.startswith(bag.PAYLOAD)]
        info = (folder / bag.BAG_INFO).read_text(encoding="utf-8", errors="replace")
        checked.findings += tags.check_info(info, sum(sizes), len(sizes))
        _check_numbers(folder, digests, checked)
    return checked


def _check_numbers(folder: Path, digests: Mapping[str, str], checked: Checked) -> None:
    """Check every manifest, and compute every row again."""
    points = _read_points(folder, checked)
    checked.grid, checked.bench = points.grid, points.bench
    same_version = points.renderer == renderer()
    wrong, unchecked = tags.check_tag_files(points.grid, digests, same_version=same_version)
    checked.findings += wrong
    checked.unchecked += unchecked
    counter = Counter()
    try:
        survey = recorded(points, Store(folder / bag.STORE))
        checked.manifests = len(survey.present)
        checked.findings += missing_artifacts(points, survey)
        checked.findings += _check_chain(survey, digests)
        stated = folder / bag.GRIDS / CLAIMS_FILE
        compared = compare_rows(folder / bag.REPORT, points, survey, stated, counter)
        checked.findings += compared.wrong
        checked.unchecked += compared.unchecked
    except (StoreError, ConfigError) as error:
        checked.findings.append(error.what.replace(f"{folder}/", ""))
    except _INVALID_DATA as error:  # not written by bench
        what = excerpt(repr(error))
        checked.findings.append(f"rows cannot be computed from the manifests: {what}")
    checked.values, checked.wrong = counter.values, counter.wrong


def compare_rows(
    folder: Path, points: Points, survey: Survey, stated: Path, counter: Counter | None = None
) -> Comparison:
    """Compare the report in `folder` with what the manifests give.

    `stated` is the claims.toml of its claims; `counter` counts values and collects wrong rows.
    """
    counter = counter or Counter()
    results = report.collect(points.experiments, survey)
    counter.wrong += wrong_rows(rows_of(results))
    trainings = report.collect_trainings(points.points, survey)
    judged = _judge(stated, results, trainings)
    computed = Computed(results, trainings, judged)
    compared = compare_report(folder, points, survey, computed, counter)
    compared.wrong += _compare_claims(folder / CLAIMS, judged)
    return compared


def _judge(
    stated: Path, results: pd.DataFrame, trainings: pd.DataFrame
) -> Sequence[Mapping[str, Any]] | None:
    """The verdicts on the claims in `stated`, as in claims.json; None without such a file."""
    if not stated.is_file():
        return None
    loaded = claims.load_claims(stated, {str(network) for network in results["network"]})
    judged = claims.as_json(claims.judge(loaded, results, trainings))
    verdicts: Sequence[Mapping[str, Any]] = json.loads(json.dumps(judged))["claims"]
    return verdicts


def _compare_claims(path: Path, judged: Sequence[Mapping[str, Any]] | None) -> Iterator[str]:
    """Where claims.json differs from the claims as `judged` now."""
    if not path.is_file():
        yield f"{CLAIMS} is missing"
        return
    try:
        said = read_json(path, LARGEST)["claims"]
        verdicts = {claim["claim"]: claim for claim in said}
    except (UnreadableFile, LookupError, TypeError) as error:
        yield f"{CLAIMS} holds no claims: {type(error).__name__}"
        return
    if judged is None:
        yield f"{CLAIMS_FILE}, by which claims were judged, is missing"
        return
    expected = {claim["claim"]: claim for claim in judged}
    for name in dict.fromkeys((*expected, *verdicts)):
        verdict, wanted = verdicts.get(name, {}), expected.get(name, {})
        for key in sorted(verdict.keys() | wanted.keys()):
            if verdict.get(key) != wanted.get(key):
                yield f"{CLAIMS}, {name}: {key} is not what the manifests give"


def _take(member: Member, folder: Path) -> tuple[str, int]:
    """Hash a member, and keep it in `folder` if it will be parsed; its SHA-256 and size."""
    digest = hashlib.sha256()
    keep = _is_parsed(member.name)
    kept, size = [], 0
    for chunk in read_in_chunks(member):
        digest.update(chunk)
        size += len(chunk)
        if keep:
            kept.append(chunk)
            if size > LARGEST and member.name.endswith(LOG):
                kept = kept[-2:]  # of a log only the end is shown
            elif size > LARGEST:
                raise ArchiveError(
                    f"'{member.name}' is larger than {LARGEST >> 20} MiB.", "Do not trust it."
                )
    if keep:
        target = folder / member.name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(b"".join(kept))
        except OSError as error:
            raise store_error(error, target) from error
    return digest.hexdigest(), size


def _is_parsed(name: str) -> bool:
    reported = name.startswith(bag.REPORT) and name.endswith(_OF_REPORTS)
    described = name in (*bag.TAGS, bag.POINTS) or name.startswith(bag.GRIDS)
    return described or reported or (name.startswith(bag.STORE) and name.endswith(_PARSED))


def _check_bag(path: Path, digests: Mapping[str, str], folder: Path, checked: Checked) -> None:
    """Check completeness and checksums, as BagIt defines them."""
    if path.is_dir() and not digests.keys() & {*bag.TAGS}:
        raise ConfigError(f"{path} is no archive that was unpacked.", _WHAT_TO_NAME)
    for name in bag.TAGS:
        if name not in digests:
            remedy = "It is incomplete, or was not written by `bench export`."
            raise ArchiveError(f"{path} has no {name}.", remedy)
    declaration = _text(path, folder, bag.BAGIT)
    if not declaration.startswith("BagIt-Version: 1."):
        raise ArchiveError(f"{path}: {bag.BAGIT} is of another version of BagIt.", "")
    checked.findings += tags.check_declaration(declaration)
    payload = {name: digest for name, digest in digests.items() if name.startswith(bag.PAYLOAD)}
    beside = {n: d for n, d in digests.items() if n not in payload and n != bag.TAG_MANIFEST}
    for manifest, there in ((bag.MANIFEST, payload), (bag.TAG_MANIFEST, beside)):
        listed = bag.parse_manifest(_text(path, folder, manifest), manifest)
        for name in sorted(listed.keys() | there.keys()):
            checked.files += 1
            if name not in there:
                checked.findings.append(f"{name} is missing")
            elif name not in listed:
                checked.findings.append(f"{name} is not in {manifest}")
            elif listed[name] != there[name]:
                checked.findings.append(f"{name} has another SHA-256 than {manifest} says")


def _text(path: Path, folder: Path, name: str) -> str:
    """A tag file of the archive at `path`, unpacked into `folder`."""
    try:
        return (folder / name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        remedy = "It was damaged, or was not written by `bench export`."
        raise ArchiveError(f"{path}: {name} is not UTF-8.", remedy) from None


def _read_points(folder: Path, checked: Checked) -> Points:
    """The points; an archive of another version still has its checksums checked."""
    try:
        return read_points(folder / bag.POINTS)
    except ArchiveError as error:
        for finding in checked.findings:
            error.add_note(finding)
        if not checked.findings:
            error.add_note(f"Its {counted(checked.files, 'checksum is', 'checksums are')} right.")
        raise


def _check_chain(survey: Survey, digests: Mapping[str, str]) -> Iterator[str]:
    """Check that spec, inputs, key and files of every artifact fit together."""
    present = survey.present
    for task_id, entry in present.items():
        task = survey.steps[task_id].task
        manifest, where = entry.manifest, f"{task.stage.name}/{entry.folder.name}"
        if canonical(manifest.spec) != canonical(task.spec):
            yield f"{where}: its parameters are not those of {task.name}"
        inputs = {
            n: present[i].manifest.content_hash for n, i in task.needs.items() if i in present
        }
        if dict(manifest.inputs) != inputs:
            yield f"{where}: what it was made from is not what the archive holds"
        recipe = manifest.environment.get("recipe", "")
        key = artifact_key(task.stage.name, manifest.spec, manifest.inputs, recipe)
        if manifest.key != key or not entry.folder.name.endswith(f"--{key[:SHORT]}"):
            yield f"{where}: its key is not that of its parameters, inputs and recipe"
        yield from _check_files(where, manifest, digests)


def _check_files(where: str, manifest: Manifest, digests: Mapping[str, str]) -> Iterator[str]:
    """Check the artifact's files, as far as the archive has them, against its manifest."""
    prefix = f"{bag.STORE}{where}/files/"
    listed = {f"{prefix}{artifact.path}": artifact.sha256 for artifact in manifest.artifacts}
    metrics = f"{prefix}metrics.json"
    if metrics in listed and metrics not in digests:
        yield f"{where}: metrics.json is missing"
    for name, digest in digests.items():
        if name.startswith(prefix) and listed.get(name) != digest:
            state = "is not what its manifest says" if name in listed else "is not in its manifest"
            yield f"{where}: {name.removeprefix(prefix)} {state}"

"""A report's provenance as an RO-Crate that follows the Process Run Crate profile.

Each artifact is the result of an action (one run of one stage) on other artifacts and parameters,
by an instrument (the stage's software in its environment). See docs/decisions/0011.
"""

from __future__ import annotations

import hashlib
import json
import mimetypes
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bench import __version__
from bench.console.text import counted
from bench.errors import store_error
from bench.pipeline import Step
from bench.provenance.chain import checkout_of
from bench.store import Manifest
from bench.store.keys import SHORT, canonical, hash_file
from bench.system.files import TEMPORARY, write_atomic
from bench.words import Status

METADATA = "ro-crate-metadata.json"
RO_CRATE = "1.1"
PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
# Defined by the profile; all other terms are in the context of RO-Crate itself.
TERMS = {
    name: f"https://w3id.org/ro/terms/workflow-run#{name}" for name in ("environment", "sha256")
}
LICENCE = "https://spdx.org/licenses/BSD-3-Clause"
PAPER = "https://arxiv.org/abs/2102.01341"
_SCHEMA = "http://schema.org"

Entity = dict[str, Any]


def write_crate(folder: Path, grid: str, chains: Mapping[str, Sequence[Step]]) -> Path:
    """Write `ro-crate-metadata.json` to `folder`, about every file there; its path.

    All other files of the report have to be written before. The same artifacts and files give the
    same bytes.

    Args:
        folder: The report.
        grid: The grid's name.
        chains: The steps of each row, see `bench.pipeline.Survey`.

    Raises:
        StoreError: The folder cannot be read or written.
    """
    path = folder / METADATA
    try:
        text = json.dumps(_crate(folder, grid, chains), indent=1, sort_keys=True) + "\n"
        write_atomic(path, text)
    except OSError as error:
        raise store_error(error, folder) from error
    return path


def _crate(folder: Path, grid: str, chains: Mapping[str, Sequence[Step]]) -> dict[str, Any]:
    # Slow to import, and few commands need it.
    from rocrate.model import ContextEntity  # noqa: PLC0415
    from rocrate.rocrate import ROCrate  # noqa: PLC0415

    made = _collect(chains)
    crate = ROCrate(version=RO_CRATE)
    root = crate.root_dataset
    root["name"] = f"finn-bench: results of grid '{grid}'"
    root["description"] = (
        f"Results of finn-bench {__version__} for grid '{grid}' ({counted(len(chains), 'row')}), "
        "which reproduces 'Benchmarking Quantized Neural Networks on FPGAs with FINN' (arXiv "
        "2102.01341), with the provenance of every number."
    )
    root["conformsTo"] = {"@id": PROFILE}
    root["license"] = {"@id": LICENCE}
    root["isBasedOn"] = {"@id": PAPER}
    # That of the newest artifact: with today's date, no two reports would be equal.
    dates = sorted(result.manifest.created for result in made)
    root["datePublished"] = dates[-1] if dates else "1970-01-01T00:00:00+00:00"
    crate.metadata.extra_terms.update(TERMS)
    contained = [_file(path, folder) for path in _files(folder)]
    graph = _Graph()
    for result in made:
        _add_action(graph, result)
    graph.add(_report_action(graph, contained, made))
    for entity in (*_context(), *contained, *graph.entities.values()):
        properties = {name: _plain(value) for name, value in entity.items()}
        crate.add(ContextEntity(crate, properties.pop("@id"), properties))
    root["hasPart"] = [{"@id": file["@id"]} for file in contained]
    actions = (e["@id"] for e in graph.entities.values() if e["@type"] == "CreateAction")
    root["mentions"] = [{"@id": action} for action in actions]
    document: dict[str, Any] = crate.metadata.generate()
    return document


class _Graph:
    """Entities by their identifier, each once."""

    def __init__(self) -> None:
        self.entities: dict[str, Entity] = {}

    def add(self, entity: Entity) -> dict[str, str]:
        """Keep `entity` unless one of that identifier is there; a reference to it."""
        self.entities.setdefault(entity["@id"], entity)
        return {"@id": entity["@id"]}

    def value(self, name: str, value: Any) -> dict[str, str]:
        """A parameter or a property of a machine, shared by all that have the same."""
        text = value if isinstance(value, str) else canonical(value).decode()
        digest = _digest([name, text])
        return self.add(
            {"@id": f"#value-{digest}", "@type": "PropertyValue", "name": name, "value": text}
        )


def _plain(value: Any) -> Any:
    """RO-Crate writes a list of one value as that value."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _digest(data: Any) -> str:
    return hashlib.sha256(canonical(data)).hexdigest()[:SHORT]


@dataclass(frozen=True)
class _Made:
    """A result of a stage, or a failure, and the artifacts that it was made from."""

    manifest: Manifest
    summary: str
    inputs: tuple[Manifest, ...]


def _collect(chains: Mapping[str, Sequence[Step]]) -> list[_Made]:
    """Everything that the rows are made from, failures included, without duplicates."""
    collected: dict[str, _Made] = {}
    for steps in chains.values():
        own = {step.role: step.manifest for step in steps}
        for step in steps:
            if step.manifest is not None:
                inputs = (own.get(need) for need in step.needs)
                made = _Made(step.manifest, step.task.stage.summary, tuple(filter(None, inputs)))
                collected.setdefault(step.manifest.key, made)
    return list(collected.values())


def _files(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and path.name != METADATA and path.suffix != TEMPORARY
    )


def _file(path: Path, folder: Path) -> Entity:
    kind, _ = mimetypes.guess_type(path.name)
    return {
        "@id": quote(path.relative_to(folder).as_posix()),
        "@type": "File",
        "name": path.name,
        "contentSize": str(path.stat().st_size),
        "sha256": hash_file(path),
        "encodingFormat": kind or "text/plain",
    }


def _context() -> Iterable[Entity]:
    """What the crate refers to and does not contain."""
    yield {"@id": PROFILE, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"}
    yield {"@id": LICENCE, "@type": "CreativeWork", "name": "BSD 3-Clause"}
    yield {
        "@id": PAPER,
        "@type": "ScholarlyArticle",
        "name": "Benchmarking Quantized Neural Networks on FPGAs with FINN",
    }


def _artifact_id(manifest: Manifest) -> str:
    return f"#artifact-{manifest.stage}-{manifest.key[:SHORT]}"


def _add_action(graph: _Graph, made: _Made) -> None:
    """A run of a stage: inputs, result, tools, machine and time."""
    manifest, status = made.manifest, Status(made.manifest.status)
    ended = datetime.fromisoformat(manifest.created)
    action: Entity = {
        "@id": f"#action-{manifest.stage}-{manifest.key[:SHORT]}",
        "@type": "CreateAction",
        "name": f"{manifest.stage} of {manifest.name}",
        "description": made.summary,
        "instrument": graph.add(_instrument(graph, manifest)),
        "object": [{"@id": _artifact_id(manifest)} for manifest in made.inputs]
        + [graph.value(name, value) for name, value in sorted(manifest.spec.items())],
        "startTime": (ended - timedelta(seconds=manifest.seconds)).isoformat(timespec="seconds"),
        "endTime": ended.isoformat(timespec="seconds"),
        "actionStatus": f"{_SCHEMA}/{'Completed' if status.is_finding else 'Failed'}ActionStatus",
        "environment": [graph.value(name, value) for name, value in _surroundings(manifest)],
    }
    if status != Status.DONE:
        key = "disambiguatingDescription" if status.is_finding else "error"
        action[key] = f"{status}: {manifest.reason}"
    if status.is_finding:
        action["result"] = [graph.add(_artifact(manifest))]
    graph.add(action)


def _artifact(manifest: Manifest) -> Entity:
    """The files that a stage wrote, identified by the hash over all of them."""
    size = sum(artifact.bytes for artifact in manifest.artifacts)
    return {
        "@id": _artifact_id(manifest),
        "@type": "CreativeWork",
        "name": f"{manifest.stage} of {manifest.name}",
        "identifier": f"sha256:{manifest.content_hash}",
        "description": f"{manifest.status}; {counted(len(manifest.artifacts), 'file')}, "
        f"{counted(size, 'byte')}, each "
        f"with its SHA-256 in {manifest.stage}/{manifest.name}--{manifest.key[:SHORT]}/"
        "manifest.json of the artifact store",
        "dateCreated": manifest.created,
        "version": manifest.key,
    }


def _instrument(graph: _Graph, manifest: Manifest) -> Entity:
    """The stage's software in its environment, with the tools it names."""
    recipe = manifest.environment.get("recipe", "")
    tools = sorted(manifest.tools.items())
    commit = checkout_of(manifest)["commit"]
    identity = _digest([manifest.stage, recipe, tools, commit])
    needs = [
        graph.add(
            {
                "@id": f"#tool-{_digest([name, version])}",
                "@type": "SoftwareApplication",
                "name": name,
                "softwareVersion": version,
            }
        )
        for name, version in tools
    ]
    return {
        "@id": f"#stage-{manifest.stage}-{identity}",
        "@type": "SoftwareApplication",
        "name": f"finn-bench, stage {manifest.stage}",
        "softwareVersion": commit if commit != "unknown" else f"{__version__}, recipe {recipe}",
        "description": f"environment {manifest.environment.get('name', '')}, recipe and sources "
        f"{recipe}",
        **({"softwareRequirements": needs} if needs else {}),
    }


def _surroundings(manifest: Manifest) -> list[tuple[str, str]]:
    """Machine, runner, commit and what the stage took."""
    checkout = checkout_of(manifest)
    return [
        *((f"machine: {name}", value) for name, value in sorted(manifest.host.items())),
        *((f"environment: {name}", v) for name, v in sorted(manifest.environment.items())),
        *((f"checkout: {name}", value) for name, value in sorted(checkout.items())),
        ("peak_memory_bytes", str(manifest.peak_memory_bytes)),
    ]


def _report_action(graph: _Graph, contained: Sequence[Entity], made: Sequence[_Made]) -> Entity:
    """Writing the report from all artifacts."""
    instrument = {
        "@id": "#finn-bench",
        "@type": "SoftwareApplication",
        "name": "finn-bench",
        "softwareVersion": __version__,
    }
    return {
        "@id": "#action-report",
        "@type": "CreateAction",
        "name": "report",
        "description": "tables, claims and figures from the artifacts",
        "instrument": graph.add(instrument),
        "object": [
            {"@id": _artifact_id(result.manifest)}
            for result in made
            if Status(result.manifest.status).is_finding
        ],
        "result": [{"@id": file["@id"]} for file in contained],
    }

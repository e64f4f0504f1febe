"""A report's RO-Crate before the validator of the RO-Crate community, which needs no network here.

The validator lives in an environment of its own. What it would fetch is RO-Crate's JSON-LD context;
it is given the copy that the rocrate library brings, in its cache.
"""

from __future__ import annotations

import json
import subprocess
import venv
from pathlib import Path

import pytest
import rocrate
from fakes import HOST

from bench import provenance
from bench.flows import all_stages
from bench.grids.experiment import expand
from bench.grids.grid import load_grid
from bench.paths import ROOT
from bench.pipeline import Resolver, execute, plan, survey
from bench.runners.host import HostContext, HostReporter, HostRunner
from bench.runners.wire import Request
from bench.store import Store

CONTEXT = "https://w3id.org/ro/crate/1.1/context"
# Run by the validator's Python: answers for the network once, so that the cache has the answer.
SHELVE = """
import io, sys
from requests.adapters import HTTPAdapter
from requests_cache import CachedSession
from urllib3 import HTTPResponse

cache, url, file = sys.argv[1:]

class Shelf(HTTPAdapter):
    def send(self, request, **_):
        body = io.BytesIO(open(file, "rb").read())
        headers = {"Content-Type": "application/ld+json"}
        answer = HTTPResponse(body=body, status=200, headers=headers, preload_content=False)
        return self.build_response(request, answer)

session = CachedSession(cache_name=cache, backend="sqlite", expire_after=-1)
session.mount("https://", Shelf())
session.get(url).raise_for_status()
"""

# Its own script, which pip writes, does not start at a path with a quote.
VALIDATE = "from rocrate_validator.cli import cli; cli(prog_name='rocrate-validator')"


class Validator:
    """The community's validator, offline."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder / "env", with_pip=True)
        self._bin = folder / "env" / "bin"
        lock = ROOT / "requirements" / "crate.lock"
        pip = [self._bin / "python", "-m", "pip"]
        install = [*pip, "install", "-qq", "--no-deps", "--require-hashes", "-r", lock]
        subprocess.run(install, check=True)
        self._cache = folder / "cache"
        context = Path(rocrate.__file__).parent / "data" / "ro-crate.jsonld"
        command = [self._bin / "python", "-c", SHELVE, self._cache, CONTEXT, context]
        subprocess.run(command, check=True)

    def issues(self, crate: Path, report: Path) -> list[str]:
        """What the crate lacks of what the profile requires."""
        subprocess.run(
            [
                self._bin / "python", "-c", VALIDATE, "--no-interactive", "validate", "--offline",
                "--cache-path", self._cache, "-p", "process-run-crate", "--no-paging",
                "-f", "json", "-o", report, crate,
            ],
            capture_output=True, timeout=120, check=False,
        )  # fmt: skip
        found = json.loads(report.read_text())
        assert found["statistics"]["total_checks"] > 30
        assert found["passed"] is not bool(found["issues"])
        return [f"{one['check']['identifier']}: {one['message']}" for one in found["issues"]]


@pytest.fixture(scope="module")
def validator(tmp_path_factory: pytest.TempPathFactory) -> Validator:
    return Validator(tmp_path_factory.mktemp("validator"))


def leave(request: Request, reporter: HostReporter, context: HostContext) -> None:
    """A stage that leaves a file that depends on its spec."""
    reporter.tools["tool"] = "1.0"
    (request.outputs / "metrics.json").write_text(json.dumps(dict(request.spec)))


@pytest.fixture
def crate(tmp_path: Path, plain_path: Path) -> Path:
    """The report of a grid, with its crate; the stages leave next to nothing.

    The validator takes a folder for a URI as it is, which an odd path is not.
    """
    points = expand(load_grid(ROOT / "experiments" / "tiny.toml"))
    runner = HostRunner(HOST, lambda entry: leave)
    environments = {stage.environment for stage in all_stages().values()}
    resolver = Resolver(Store(tmp_path / "store"), dict.fromkeys(environments, runner))
    summary = execute(plan(points), resolver, 1, 1, lambda event: None)
    assert not summary.errors
    folder = plain_path / "report"
    folder.mkdir()
    (folder / "results.csv").write_text("a,b\n1,2\n")
    (folder / "odd näme #1.svg").write_text("<svg/>")
    provenance.write_crate(folder, "tiny", survey(points, resolver).chains)
    return folder


def test_a_report_is_a_valid_process_run_crate(
    validator: Validator, crate: Path, tmp_path: Path
) -> None:
    assert validator.issues(crate, tmp_path / "report.json") == []


def test_the_validator_finds_what_is_missing(
    validator: Validator, crate: Path, tmp_path: Path
) -> None:
    """That it is not content with anything: without a file, and without an instrument."""
    (crate / "results.csv").unlink()
    path = crate / provenance.METADATA
    document = json.loads(path.read_text())
    for entity in document["@graph"]:
        entity.pop("instrument", None)
    path.write_text(json.dumps(document))
    issues = " ".join(validator.issues(crate, tmp_path / "report.json"))
    assert "results.csv" in issues
    assert "instrument" in issues

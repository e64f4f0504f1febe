"""The paper's claims: stated in claims.toml, judged on results, never bent to pass."""

from bench.claims import accuracy, fastest, resources, throughput
from bench.claims.judge import Judgement, as_json, elsewhere, judge
from bench.claims.kept import Regression, compare, write_claims
from bench.claims.registry import Claim, Kind, kinds, register
from bench.claims.show import show_claims, show_lines, show_regressions
from bench.claims.table import claims_beside, load_claims
from bench.claims.verdict import Evidence, Part, Verdict

BUILT_IN = (accuracy, fastest, throughput, resources)
"""The kinds of claims that are always there, a module each."""

__all__ = [
    "BUILT_IN",
    "Claim",
    "Evidence",
    "Judgement",
    "Kind",
    "Part",
    "Regression",
    "Verdict",
    "as_json",
    "claims_beside",
    "compare",
    "elsewhere",
    "judge",
    "kinds",
    "load_claims",
    "register",
    "show_claims",
    "show_lines",
    "show_regressions",
    "write_claims",
]

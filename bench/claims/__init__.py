"""The paper's claims: stated in claims.toml, judged on results, never bent to pass."""

from bench.claims.judge import judge
from bench.claims.kept import Fall, compare, write_claims
from bench.claims.show import show_claims, show_falls, show_lines
from bench.claims.table import AnyClaim, claims_beside, load_claims
from bench.claims.verdict import Evidence, Judgement, Verdict, as_json

__all__ = [
    "AnyClaim",
    "Evidence",
    "Fall",
    "Judgement",
    "Verdict",
    "as_json",
    "claims_beside",
    "compare",
    "judge",
    "load_claims",
    "show_claims",
    "show_falls",
    "show_lines",
    "write_claims",
]

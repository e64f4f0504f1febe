"""Whether the accelerator computes what the trained model does: bit by bit, and by what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from contract import outcome
from contract.outcome import Kind, Predictions
from contract.text import counted

Integers = npt.NDArray[np.int64]
Images = npt.NDArray[Any]

TORCH = "torch"
# Images whose values are looked at for what may be the cause.
LOOKED_INTO = 8
OTHER_INPUT = (
    "The accelerator is bit-exact with the streamlined model, so it was given other images, or "
    "another model, than {reference} had."
)


@dataclass(frozen=True)
class Verdict:
    """How the outputs of a simulation compare, image by image.

    Attributes:
        differing: [N], the outputs are not the streamlined model's.
        disagreeing: [N], what they say is something else than the reference says.
        ties: [N], of these, the ones that ties explain.
        kind: What the outputs are.
        reference: Whose predictions they are compared with.
        causes: What in the exported model may explain the others.
    """

    differing: npt.NDArray[np.bool_]
    disagreeing: npt.NDArray[np.bool_]
    ties: npt.NDArray[np.bool_]
    kind: Kind = "classes"
    reference: str = TORCH
    causes: Sequence[str] = ()

    @property
    def unexplained(self) -> npt.NDArray[np.bool_]:
        """[N], of the disagreeing images those that ties do not explain."""
        return self.disagreeing & ~self.ties

    def as_metrics(self) -> dict[str, Any]:
        """What metrics.json holds of it."""
        return {
            "images": len(self.differing),
            "bit_exact": not self.differing.any(),
            "mismatches": int(self.differing.sum()),
            "agreeing_with_torch": int((~self.disagreeing).sum()),
            "torch_ties": int(self.ties.sum()),
        }

    def remark(self) -> str:
        """What a person should know of a right design; empty for nothing."""
        if not self.ties.any():
            return ""
        return (
            f"{_count(self.ties)} {self._differ()}, each by a tie: a value on a rounding boundary, "
            f"which {self.reference} rounds to the even step and FINN's thresholds (>=) to the "
            "upper one."
        )

    def fault(self, known: Sequence[str]) -> str:
        """What is wrong with the design; empty where nothing is.

        Args:
            known: Faults of FINN+ that the design meets, as in the metrics of the compile stage.
        """
        if self.differing.any():
            return (
                f"NOT bit-exact: of {_count(self.differing)} the RTL gives other outputs than the "
                f"streamlined model, the first is image {_first(self.differing)}."
                + "".join(f" The likely cause, a fault in FINN+: {fault}" for fault in known)
            )
        if self.unexplained.any():
            explained = int(self.ties.sum())
            return (
                f"{_count(self.unexplained)} {self._differ()}, the first is image "
                f"{_first(self.unexplained)}, and ties do not explain it"
                f"{f' (they do for {explained} more)' if explained else ''}. "
                + (
                    f"The likely cause: {' '.join(self.causes)}"
                    if self.causes
                    else OTHER_INPUT.format(reference=self.reference)
                )
            )
        return ""

    def _differ(self) -> str:
        if self.kind == "values":
            return f"get other values from the accelerator than from {self.reference}"
        return f"are of another class to the accelerator than to {self.reference}"


def judge(
    outputs: Integers,
    expected: Integers,
    predictions: tuple[Predictions, Predictions],
    images: Images,
    exported: Path,
    reference: str = TORCH,
) -> Verdict:
    """Compare a simulation with the streamlined model and with the reference.

    Args:
        outputs: [N, C], the accelerator's.
        expected: [N, C], the streamlined model's.
        predictions: The accelerator's and the reference's.
        images: [N, F] or [N, C, H, W].
        exported: The exported model; read only where predictions differ.
        reference: Whose predictions are the second ones.
    """
    differing = (outputs != expected).any(axis=1)
    ours, theirs = predictions
    disagreeing = outcome.differing(ours, theirs)
    ties = np.zeros_like(disagreeing)
    causes: Sequence[str] = ()
    # Of an image that comes out wrong anyway, ties say nothing.
    asked = np.flatnonzero(disagreeing & ~differing)
    if asked.size:
        # Late: it takes FINN's Python packages.
        from qonnx.core.modelwrapper import ModelWrapper  # noqa: PLC0415
        from qonnx.transformation.infer_shapes import InferShapes  # noqa: PLC0415

        from finn_worker.known_faults import of_export  # noqa: PLC0415
        from finn_worker.ties import explained  # noqa: PLC0415

        model = ModelWrapper(str(exported)).transform(InferShapes())
        chosen = images[asked].astype(np.float32)
        ties[asked] = explained(model, chosen, theirs[asked], ours[asked])
        unexplained = chosen[~ties[asked]][:LOOKED_INTO]
        causes = of_export(model, unexplained) if len(unexplained) else ()
    kind = outcome.kind_of(theirs)
    return Verdict(differing, disagreeing, ties, kind, reference, causes)


def _count(chosen: npt.NDArray[np.bool_]) -> str:
    return f"{int(chosen.sum()):,} of {counted(chosen.size, 'image')}"


def _first(chosen: npt.NDArray[np.bool_]) -> int:
    return int(np.flatnonzero(chosen)[0])

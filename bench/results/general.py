"""Columns that every flow has: the settings, the training, the measurement, the outcome."""

from __future__ import annotations

from functools import partial

from bench.console.text import exact_text
from bench.results import formats, tolerance
from bench.results.registry import GRID, STORE, Column, Facts, File, Omit, Place, Row, register
from bench.results.tolerance import exact, not_compared, sampling
from bench.words import BitWidths, Origin, widths_label

BOTH = (File.RESULTS, File.TRAININGS)


def _widths(widths: BitWidths | None) -> int | str | None:
    """As a number where that tells all."""
    if widths is None:
        return None
    return widths if isinstance(widths, int) and widths else widths_label(widths)


_given = partial(Column, stage=GRID, origin=Origin.GIVEN, tolerance=tolerance.SETTING)

register(
    _given(
        name="experiment", metric="name",
        formula="network-dataset-bits-seed-folding, of a given model without bits and seed",
        tolerance=tolerance.PLACE, value=lambda facts: facts.point.name, files=BOTH,
    ),
    _given(
        name="network", metric="train.network or model.file",
        value=lambda facts: facts.point.labels.network,
        files=BOTH, identity=True,
    ),
    _given(
        name="dataset", metric="train.dataset, model.dataset or model.images",
        value=lambda facts: facts.point.labels.dataset,
        heading="data set", files=BOTH, identity=True, shown=(Place.PAGE,), omit=Omit.CONSTANT,
    ),
    _given(
        name="weight_bits", metric="train.bits or train.weight_bits", unit="bits",
        value=lambda facts: _widths(facts.point.labels.weight_bits), heading="weight bits",
        format=formats.ID, files=BOTH, identity=True, shown=(Place.PAGE,), omit=Omit.OF_MODELS,
    ),
    _given(
        name="act_bits", metric="train.bits or train.act_bits", unit="bits",
        value=lambda facts: _widths(facts.point.labels.act_bits), heading="act. bits",
        format=formats.ID, files=BOTH, identity=True, shown=(Place.PAGE,), omit=Omit.OF_MODELS,
    ),
    _given(
        name="folding", metric="build.foldings, build.target_fps or build.folding_files",
        value=lambda facts: facts.point.labels.folding, identity=True,
        shown=(Place.PAGE,),
    ),
    _given(
        name="seed", metric="train.seeds", value=lambda facts: facts.point.labels.seed,
        format=formats.ID, files=BOTH, identity=True, shown=(Place.PAGE,), omit=Omit.CONSTANT,
    ),
    _given(
        name="epochs", metric="train.epochs", value=lambda facts: facts.asked("epochs"),
        format=formats.WHOLE, files=BOTH,
    ),
    _given(
        name="board", metric="build.board", value=lambda facts: facts.point.labels.board,
        identity=True, shown=(Place.PAGE,), omit=Omit.CONSTANT,
    ),
    _given(
        name="part", metric="build.board", formula="the board's FPGA",
        value=lambda facts: facts.asked("part"),
    ),
    _given(
        name="clock_mhz", metric="build.clock_mhz", unit="MHz",
        value=lambda facts: facts.asked("clock_mhz"), format=formats.PLAIN,
    ),
    _given(
        name="target_fps", metric="build.target_fps", unit="images/s",
        value=lambda facts: facts.asked("target_fps"),
    ),
    Column(
        name="test_images", stage="dataset", metric="test_images", origin=Origin.GIVEN,
        unit="images", formula="of the data set: what `accuracy` is a mean over",
        tolerance=tolerance.SETTING, files=BOTH,
    ),
)  # fmt: skip

_trained = partial(Column, stage="train", origin=Origin.TRAINED)

register(
    _trained(
        name="accuracy", unit="fraction", given=("import", Origin.EXECUTED),
        formula="correct / test_images; at the best epoch, or of the model that is given",
        tolerance=sampling("test_images", "the test images"), format=formats.PERCENT,
        shown=(Place.THROUGHPUT, Place.PAGE, Place.SEEDS), files=BOTH, omit=Omit.ABSENT_OF_MODELS,
    ),
    _trained(
        name="best_epoch", formula="the epoch of the highest accuracy",
        tolerance=not_compared("follows the noise of accuracies that are alike"),
        format=formats.WHOLE, files=BOTH,
    ),
    _trained(
        name="parameters", formula="weights, biases and scales", tolerance=tolerance.SETTING,
        format=formats.WHOLE, files=(File.TRAININGS,),
    ),
)  # fmt: skip


def rate(interval: float | None, clock_mhz: float) -> str | None:
    """The arithmetic of images per second; None without an interval."""
    if not interval:
        return None
    images = clock_mhz * 1e6 / interval
    return f"{clock_mhz:g} x 1e6 / {exact_text(interval)} cycles = {exact_text(images)} images/s"


def _system_rate(facts: Facts) -> str | None:
    measured, clock_mhz = facts.of("measure"), facts.asked("clock_mhz")
    interval, measured_at = measured.get("ii_measured"), measured.get("clock_mhz")
    if measured.get("measured_on") == Origin.EMULATED_BOARD:
        return rate(interval, clock_mhz)
    if not interval or not measured_at or measured_at == clock_mhz:
        return None
    return (
        f"fps_measured = {exact_text(measured['fps_measured'])}, at {measured_at:g} MHz; at the "
        f"{clock_mhz:g} MHz of the build it would be {rate(interval, clock_mhz)}"
    )


def _system_interval(facts: Facts) -> str | None:
    measured = facts.of("measure")
    interval, size = measured.get("ii_measured"), measured.get("input_bytes")
    width = measured.get("dma_bytes_per_cycle")
    if not interval or not size or not width:
        return None
    return (
        f"ii_measured = {exact_text(interval)} cycles; the input DMA alone takes {size:,} bytes / "
        f"{width} bytes a cycle = {exact_text(size / width)}"
    )


def at_another_clock(row: Row) -> bool:
    """Whether the board that measured it ran at another clock than it was built for."""
    clock = row["clock_measured_mhz"]
    return clock is not None and bool(clock != row["clock_mhz"])


def _measured(row: Row) -> str:
    clock = f" @{row['clock_measured_mhz']:g}" if at_another_clock(row) else ""
    return f"{formats.NUMBER(row['fps_measured'])}{clock}"


_measure = partial(Column, stage="measure", origin=Origin.MEASURED, tolerance=tolerance.MEASURED)

register(
    _measure(
        name="fps_measured", unit="images/s",
        formula="images / seconds on a board, at clock_measured_mhz; clock x 1e6 / ii_measured "
        "on the emulated one; input and output DMA included",
        arithmetic=_system_rate, heading="fps meas.", label="images/s",
        text=_measured, shown=(Place.THROUGHPUT, Place.PAGE, Place.SEEDS),
    ),
    _measure(
        name="ii_measured", unit="cycles", formula="cycles between two images, DMA included",
        arithmetic=_system_interval, format=formats.CYCLES,
    ),
    _measure(
        name="clock_measured_mhz", metric="clock_mhz", unit="MHz", formula="as the board ran",
        format=formats.PLAIN,
    ),
    _measure(
        name="measured_on", formula=f"`{Origin.EMULATED_BOARD}` or `{Origin.BOARD}`",
        tolerance=tolerance.PLACE, heading="measured on", label="on",
        shown=(Place.RESOURCES, Place.PAGE), says_what_is_wrong=True,
    ),
    _measure(
        name="board_name", formula="the board's name in the experiment file",
        tolerance=tolerance.PLACE, says_what_is_wrong=True,
    ),
)  # fmt: skip

_became = partial(Column, stage=STORE, origin=Origin.STORE)

register(
    _became(
        name="status", formula="`done`, or what became of the first stage that is not",
        tolerance=exact("done, wrong, infeasible or failed"),
        value=lambda facts: str(facts.state.status), format=formats.STATUS,
        shown=(Place.THROUGHPUT,), files=BOTH,
    ),
    _became(
        name="stopped_at", metric="stage", formula="the first stage that is not done",
        tolerance=exact("the stage that stopped it"), value=lambda facts: facts.state.stage,
        files=BOTH,
    ),
    _became(
        name="reason", formula="of that stage", tolerance=tolerance.PROSE,
        value=lambda facts: facts.state.reason or None, files=BOTH,
    ),
    _became(
        name="runner", metric="environment.runner",
        formula="of the stages that are not run by bench itself", tolerance=tolerance.PLACE,
        value=lambda facts: facts.runner,
    ),
)  # fmt: skip

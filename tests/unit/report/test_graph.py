"""The picture of a design's graph: every layer has a place of its own, every stream its ends."""

from __future__ import annotations

from itertools import combinations, pairwise

import pandas as pd
import pytest

from bench.report.figures.graph import BOX_HEIGHT, BOX_WIDTH, _Layout, graph_figures
from bench.report.material import Design, Layer, Material, Stream, _design

NONE = pd.DataFrame()
# A fork whose one branch has two layers and whose other has none, then one with a layer in each.
FORKS = [
    ("input", "fork"), ("fork", "a"), ("a", "b"), ("b", "sum"), ("fork", "sum"), ("sum", "again"),
    ("again", "c"), ("again", "d"), ("c", "total"), ("d", "total"), ("total", "output"),
]  # fmt: skip


def design(edges: list[tuple[str, str]], cycles: dict[str, int] | None = None) -> Design:
    names = dict.fromkeys(name for edge in edges for name in edge)
    layers = [name for name in names if name not in ("input", "output")]
    return Design(
        point=0,
        name="made-up",
        layers=tuple(
            Layer(
                name=name, label=name.upper(), folding=None, cycles=(cycles or {}).get(name, 1),
                resources={"LUT": 1200}, stands_in=name == "sum",
            )
            for name in layers
        ),
        streams=tuple(
            Stream(
                name=f"{a}_to_{b}", sender=a if a in layers else None, label="", depth=2 + len(a),
                receiver=b if b in layers else None, width_bits=8, blocked=None, starved=None,
            )
            for a, b in edges
        ),
        interval=1.0,
        unsized=None,
    )  # fmt: skip


def chain(count: int) -> list[tuple[str, str]]:
    return list(pairwise(["input", *(f"layer {n}" for n in range(count)), "output"]))


@pytest.mark.parametrize("edges", [chain(1), chain(12), chain(60), FORKS], ids=len)
def test_no_two_boxes_touch_and_all_are_in_the_picture(edges: list[tuple[str, str]]) -> None:
    shown = design(edges)
    layout = _Layout(shown)
    places = [layout.places[layer.name] for layer in shown.layers]
    width = layout.lane_width * BOX_WIDTH
    for one, other in combinations(places, 2):
        assert abs(one.x - other.x) >= width or abs(one.y - other.y) > BOX_HEIGHT
    for place in places:
        assert width / 2 <= place.x <= 7.6 - width / 2
        assert place.y - BOX_HEIGHT / 2 > 0
        assert place.y + BOX_HEIGHT / 2 < layout.height


def test_a_stream_leads_from_its_sender_to_its_receiver_past_all_others() -> None:
    layout = _Layout(design(FORKS))
    boxes = {name: place for name, place in layout.places.items() if not name.startswith("bend")}
    assert [(path[0], path[-1]) for _, path in layout.paths] == FORKS
    for _, path in layout.paths:
        rows = [layout.places[name].y for name in path]
        assert rows == sorted(set(rows)), "it goes down, row by row"
        for bend in path[1:-1]:
            place = layout.places[bend]
            assert not any((b.x, b.y) == (place.x, place.y) for b in boxes.values())


def test_the_busiest_layer_and_the_ends_of_every_stream_are_said() -> None:
    shown = design(FORKS, {"b": 19_600})
    figure = next(graph_figures(Material("g", NONE, NONE, fastest=shown)))
    assert "B (filled) sets the interval with 19,600 cycles" in figure.seen
    assert "A dashed border (1 layer)" in figure.seen
    assert figure.data is not None
    assert list(zip(figure.data["from"], figure.data["to"], strict=True)) == FORKS


def test_without_a_simulated_design_there_is_a_sentence() -> None:
    (figure,) = graph_figures(Material("g", NONE, NONE))
    assert figure.draw is None
    assert figure.seen == "No design has been simulated yet."


def test_a_design_that_forks_keeps_its_streams_apart() -> None:
    """Streams were once taken to lie between neighbouring layers."""
    names = ["fork", "a", "b", "sum", "again", "c", "d", "total"]
    layers = [
        {"name": name, "op_type": "X_rtl", "cycles_estimated": 5, "lut": 7, "dsp": 0}
        for name in names
    ]
    simulated = {
        "fifos": [
            {"stream": f"{a}_{b}", "producer": a, "consumer": b, "depth": 2, "width_bits": 4}
            for a, b in FORKS
        ],
        "stalls": [{"blocked_cycles": 1, "starved_cycles": 2}] * len(FORKS),
        "steady_cycles": 10, "ii_simulated": 5.0, "ii_unsized": None,
    }  # fmt: skip
    metrics = {"compile": {"simulated": {"layers": layers}}, "simulate": simulated}
    found = _design(0, pd.DataFrame([{"experiment": "x"}]), [metrics])
    assert found is not None
    assert [(s.sender or "input", s.receiver or "output") for s in found.streams] == FORKS
    assert found.layers[0].resources == {"LUT": 7}

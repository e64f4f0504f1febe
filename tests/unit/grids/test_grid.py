"""Grids: what is valid, and what is said of what is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.errors import ConfigError
from bench.grids.experiment import expand, references
from bench.grids.grid import NO_GRIDS, load_grid
from bench.networks import NETWORKS
from bench.paths import ROOT


def change(path: Path, old: str, new: str) -> Path:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return path


def test_every_shipped_grid_is_valid() -> None:
    for path in (ROOT / "experiments").glob("*.toml"):
        if path.name not in NO_GRIDS:
            grid = load_grid(path, absent=True)  # models of others are fetched
            assert grid.name == path.stem
            names = [experiment.name for experiment in expand(grid)]
            assert len(set(names)) == len(names) > 0


def test_expansion_covers_the_product_of_dimensions(grid_file: Path) -> None:
    names = [experiment.name for experiment in expand(load_grid(grid_file))]
    assert names == [
        "tfc-mnist-w2a2-s1-low",
        "tfc-mnist-w2a2-s1-max",
        "tfc-mnist-w4a4-s1-low",
        "tfc-mnist-w4a4-s1-max",
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"TFC"', '"TCF"', ["train.network = 'TCF'", "Did you mean 'TFC'?"]),
        ("[[2, 2], [4, 4]]", "[]", ["bit widths are given not at all"]),
        ("bits = [[2, 2], [4, 4]]", "weight_bits = [2]", ["given not at all, or in part"]),
        ("seeds = [1]", "seeds = [1]\nweight_bits = [2]\nact_bits = [2]", ["are given twice"]),
        ("[4, 4]", "[[4, 4, 4], 4]", ["3 weight bit widths are given, TFC has 4"]),
        ("[4, 4]", "[4, [4, 4]]", ["2 activation bit widths are given, TFC has 3"]),
        ("[4, 4]", "[4, [4, 9, 4]]", ["train.bits.1.1.1 = 9", "from 1 to 8"]),
        ("[4, 4]", "[[2, 2, 2, 2], 2]", ["train.bits names [2, 2] twice"]),
        ("seeds", 'references = ["flaot"]\nseeds', ["references.0 = 'flaot'", "'float'"]),
        ("seeds", "references = [[64, 64]]\nseeds", ["references.0.0 = 64", "from 1 to 32"]),
        ('dataset = "MNIST"', 'dataset = ["MNIST", "MNIST"]', ["dataset names 'MNIST' twice"]),
        ('dataset = "MNIST"', "dataset = []", ["train.dataset = []", "a list of names"]),
        ('dataset = "MNIST"', "dataset = 5", ["train.dataset = 5", "a list of names"]),
        ('foldings = ["low", "max"]', "", ["names no folding", "target_fps"]),
        (
            "clock_mhz",
            "target_fps = [-5]\nclock_mhz",
            ["target_fps.0 = -5", "from 0.001 to 1,000,000,000"],
        ),
        ("clock_mhz", 'oversized = "sotp"\nclock_mhz', ["Did you mean 'stop'?"]),
        ("clock_mhz", 'folding_files = ["none.json"]\nclock_mhz', ["No such file"]),
        ('"MNIST"', '"fashion"', ["train.dataset = 'fashion'", "'Fashion-MNIST'"]),
        ('"Pynq-Z1"', '"pynq-z1"', ["build.board = 'pynq-z1'", "Did you mean 'Pynq-Z1'?"]),
        ('"max"]', '"maxx"]', ["build.foldings = 'maxx'", "Did you mean 'max'?"]),
        ("epochs", "epoch", ["unknown key 'train.epoch'", "Did you mean 'epochs'?"]),
        ("[build]", "[biuld]", ["unknown key 'biuld'", "Did you mean 'build'?"]),
        ("epochs = 2", 'epochs = "2"', ["train.epochs = '2'", "a whole number"]),
        ("epochs = 2", "epochs = 0", ["train.epochs = 0", "from 1 to 10,000"]),
        ("[2, 2]", "[0, 2]", ["train.bits.0.0 = 0", "from 1 to 8"]),
        ("[4, 4]", "[4, 9]", ["train.bits.1.1 = 9", "from 1 to 8"]),
        ("[4, 4]", "[2, 2]", ["train.bits names [2, 2] twice"]),
        ("clock_mhz = 100.0", "clock_mhz = -1.0", ["build.clock_mhz", "from 1 to 1,000"]),
        ('name = "test"', "", ["the key 'name' is missing"]),
        ('name = "test"', 'name = "../x"', ["name = '../x'"]),
        ("[train]", "[train", ["not valid TOML"]),
        (
            "clock_mhz = 100.0",
            'clock_mhz = 100.0\n[measure]\nboard = "emulated-bord"',
            ["measure.board = 'emulated-bord'", "Did you mean 'emulated-board'?"],
        ),
    ],
)
def test_bad_input_is_named_with_the_nearest_valid(
    grid_file: Path, old: str, new: str, expected: list[str]
) -> None:
    check(change(grid_file, old, new), *expected)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "milestones = [1]",
            "milestones = [2]",
            ["train.milestones = [2]", "from 1 to 1, or none"],
        ),
        ("milestones = [1]", "milestones = [1, 1]", ["train.milestones = [1, 1]", "rising"]),
        (
            "epochs = 2",
            "epochs = 1",
            ["milestones = [1]", "and 1 epoch is trained", "none: []"],
        ),
        (
            "epochs = 2",
            "epochs = 2\ntrain_images = 60001",
            ["train.train_images = 60001", "Give at most 60,000"],
        ),
        (
            "epochs = 2",
            "epochs = 2\ntrain_images = 50\nbatch_size = 51",
            ["train.batch_size = 51", "50 images are trained on", "2 to 50"],
        ),
        ("epochs = 2", "epochs = 2\nbatch_size = 1", ["train.batch_size = 1", "at least 2"]),
        (
            "[build]",
            "[simulate]\nimages = 5\ntrace_images = 6\n[build]",
            ["simulate.trace_images = 6", "5 images are simulated"],
        ),
        ("clock_mhz", "target_fps = [2e8]\nclock_mhz", ["build.target_fps = 2e+08", "100,000,000"]),
        ("[1]\nepochs", "[9223372036854775808]\nepochs", ["train.seeds.0", "775,807"]),
        ("[1]\nepochs", f"{list(range(50_000))}\nepochs", ["train.seeds", "make 200,000 points"]),
        ('name = "test"', f'name = "{"x" * 65}"', ["name = 'xxx", "at most 64"]),
        ("[build]", "[train.x]\n[build]", ["unknown key 'train.x'"]),
        ("seeds = [1]", f"seeds = {[-1] * 30}", ["train.seeds.19 = -1", "... and 10 more"]),
    ],
)
def test_what_cannot_be_is_said_before_anything_runs(
    grid_file: Path, old: str, new: str, expected: list[str]
) -> None:
    check(change(grid_file, old, new), *expected)


def check(path: Path, *expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_grid(path)
    message = f"{caught.value.what} {caught.value.remedy}"
    for part in (str(path), *expected):
        assert part in message


@pytest.mark.parametrize(
    "name",
    [
        "y/../../../../x",
        "a/b",
        "..",
        "-x",
        "line\nbreak",
        "x" * 65,
        "[red]x[/]",
        "a b",
        "a\x1bb",
        "",
    ],
)
def test_a_folding_whose_name_cannot_name_a_folder(grid_file: Path, name: str) -> None:
    quoted = json.dumps(name)
    foldings = grid_file.parent / "foldings.toml"
    foldings.write_text(foldings.read_text().replace("low =", f"{quoted} =", 1))
    change(grid_file, '"low"', quoted)
    check(grid_file, "build.foldings.0 = ", "give a name: at most 64 letters")


@pytest.mark.parametrize("stem", ["[red]x", "a b", "-x", "x" * 65, "."])
def test_a_folding_file_whose_name_cannot_name_a_folder(grid_file: Path, stem: str) -> None:
    path = grid_file.parent / f"{stem}.json"
    path.write_text("[[2, 8], [1, 1], [1, 1], [5, 1]]")
    change(grid_file, "clock_mhz", f"folding_files = [{json.dumps(path.name)}]\nclock_mhz")
    check(grid_file, "build.folding_files", "cannot be a name", "at most 64 letters")


@pytest.mark.parametrize("name", ["a\\b.toml", "a\x1bb.toml", "a\nb.toml", f"{'x' * 201}.toml"])
def test_a_grid_whose_file_cannot_be_packed(grid_file: Path, name: str) -> None:
    path = grid_file.rename(grid_file.with_name(name))
    check(path, "a file's name may have")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[TFC]", "TFC = 3\n[X]", "does not have a table [TFC]"),
        ("[TFC]", "TFC = [[1]]\n[X]", "does not have a table [TFC]"),
        ("[TFC]", "[CNV]", "has no table [TFC]"),
    ],
)
def test_foldings_toml_without_foldings(grid_file: Path, old: str, new: str, expected: str) -> None:
    path = grid_file.parent / "foldings.toml"
    path.write_text(path.read_text().split("[TFC.mid")[0].replace(old, new))
    with pytest.raises(ConfigError) as caught:
        load_grid(grid_file)
    assert expected in caught.value.what
    assert "Write [TFC]" in caught.value.remedy


def test_files_with_marks_and_line_ends_of_other_systems(grid_file: Path) -> None:
    text = grid_file.read_text().replace("\n", "\r\n")
    grid_file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert load_grid(grid_file).name == "test"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[5, 1]", "[4, 1]", ["layer 4: PE 4 does not divide its 10 outputs", "1, 2, 5, 10"]),
        ("[[2, 8]", "[[2, 9]", ["layer 1: SIMD 9 does not divide its 1,024 inputs", "256, 512."]),
        (", [5, 1]", "", ["has 3 layers, the network has 4"]),
        ("[5, 1]", "[5]", ["layer 4 is [5], not a pair [PE, SIMD]"]),
        ("[5, 1]", "5", ["layer 4 is 5, not a pair [PE, SIMD]"]),
        ("[5, 1]", "[0, 1]", ["layer 4: PE is 0", "from 1 up"]),
        ("[5, 1]", "[5, 1.0]", ["layer 4: SIMD is 1.0"]),
        ("[5, 1]", "[5, true]", ["layer 4: SIMD is true."]),
        ("[5, 1]", "[5, 'x']", ["layer 4: SIMD is 'x'."]),
        ("[5, 1]", "[5, 64]", ["layer 4: SIMD 64", "loses results", "Write [10, 32], which is as"]),
    ],
)
def test_a_folding_that_cannot_be_is_refused(
    grid_file: Path, old: str, new: str, expected: list[str]
) -> None:
    change(grid_file.parent / "foldings.toml", old, new)
    with pytest.raises(ConfigError) as caught:
        load_grid(grid_file)
    message = f"{caught.value.what} {caught.value.remedy}"
    for part in expected:
        assert part in message


def test_everything_wrong_with_a_folding_is_said_at_once(grid_file: Path) -> None:
    change(
        grid_file.parent / "foldings.toml",
        "[[2, 8], [1, 1], [1, 1], [5, 1]]",
        "[[2, 1024], [1, 64], [3, 3], [5, 1]]",
    )
    with pytest.raises(ConfigError) as caught:
        load_grid(grid_file)
    problems = caught.value.what.splitlines()
    named = [line.rpartition(", layer ")[2][0] for line in problems]
    assert named == list("1233")
    assert "layer 1: Write [" in caught.value.remedy
    assert "layer 3: SIMD values that do: 1, 2, 4" in caught.value.remedy


def test_everything_that_is_no_pair_is_said_at_once(grid_file: Path) -> None:
    change(
        grid_file.parent / "foldings.toml",
        "[[2, 8], [1, 1], [1, 1], [5, 1]]",
        "[[true, 0], 5, [1, 1], [5, 1]]",
    )
    with pytest.raises(ConfigError) as caught:
        load_grid(grid_file)
    for said in ("layer 1: PE is true.", "layer 1: SIMD is 0.", "layer 2 is 5, not a pair"):
        assert said in caught.value.what
    assert "layer 2: Write [2, 8], say." in caught.value.remedy


@pytest.mark.parametrize(
    ("files", "foldings", "expected"),
    [
        (["f.json", "f.json"], [], "build.folding_files names 'f.json' twice"),
        (["max.json"], ["max"], "two foldings are called 'max'"),
        (["f.json", "F.json"], [], "two foldings are called 'f'"),
    ],
)
def test_two_foldings_of_one_name(
    grid_file: Path, files: list[str], foldings: list[str], expected: str
) -> None:
    for name in files:
        (grid_file.parent / name).write_text("[[2, 8], [1, 1], [1, 1], [5, 1]]")
    change(
        grid_file, 'foldings = ["low", "max"]', f"foldings = {foldings}\nfolding_files = {files}"
    )
    with pytest.raises(ConfigError, match=expected):
        load_grid(grid_file)


def test_a_value_named_twice_is_named(grid_file: Path) -> None:
    change(grid_file, '["low", "max"]', '["low", "max", "low"]')
    with pytest.raises(ConfigError, match=r"build\.foldings names 'low' twice"):
        load_grid(grid_file)


def test_dimensions_beyond_bits_and_foldings(grid_file: Path) -> None:
    change(grid_file, '"MNIST"', '["MNIST", "Fashion-MNIST"]')
    change(grid_file, "bits = [[2, 2], [4, 4]]", "weight_bits = [2, 3]\nact_bits = [5]")
    change(grid_file, "seeds = [1]", 'seeds = [1, 2]\nreferences = ["float", [16, 16]]')
    change(grid_file, '"Pynq-Z1"', '["Pynq-Z1", "ZCU104"]\ntarget_fps = [5e4]')
    grid = load_grid(grid_file)
    experiments = expand(grid)
    assert len(experiments) == len({e.name for e in experiments}) == 2 * 2 * 2 * 3 * 2
    assert experiments[0].name == "tfc-mnist-w2a5-s1-low-pynq-z1"
    assert experiments[-1].name == "tfc-fashion-mnist-w3a5-s2-fps50000-zcu104"
    assert experiments[-1].specs["compile"]["part"] == "xczu7ev-ffvc1156-2-e"
    assert [experiments[-1].specs["compile"][key] for key in ("folding", "target_fps")] == [
        None,
        5e4,
    ]
    assert [point.name for point in references(grid)[:3]] == [
        "tfc-mnist-float-s1",
        "tfc-mnist-float-s2",
        "tfc-mnist-w16a16-s1",
    ]


def test_bits_of_each_layer(grid_file: Path) -> None:
    change(grid_file, "[4, 4]", "[[8, 2, 2, 8], [4, 4, 4]]")
    mixed = expand(load_grid(grid_file))[-1]
    assert mixed.name == "tfc-mnist-w8-2-2-8a4-s1-max"
    assert [mixed.specs["train"][key] for key in ("weight_bits", "act_bits")] == [[8, 2, 2, 8], 4]


def test_a_folding_that_is_known_to_be_invalid_may_be_asked_for(grid_file: Path) -> None:
    change(grid_file, '"max"', '"mid-original"')
    assert expand(load_grid(grid_file))[1].specs["compile"]["folding"] == [[8, 8]] * 4
    change(grid_file.parent / "foldings.toml", "[8, 8]]\ninfeas", "[5, 8]]\ninfeas")
    with pytest.raises(ConfigError, match="marked as infeasible, but every layer"):
        load_grid(grid_file)
    change(grid_file.parent / "foldings.toml", "infeasible =", "infeasable =")
    with pytest.raises(ConfigError, match="has the keys infeasable, layers"):
        load_grid(grid_file)


LIST = [[2, 8], [1, 1], [1, 1], [5, 1]]
FINN = {"Defaults": {}} | {
    f"MVAU_hls_{number}": {"PE": pe, "SIMD": simd} for number, (pe, simd) in enumerate(LIST)
}


@pytest.mark.parametrize("content", [LIST, FINN, dict(reversed(FINN.items()))])
def test_foldings_from_json_files(grid_file: Path, content: object) -> None:
    (grid_file.parent / "Mine.json").write_text(json.dumps(content))
    change(grid_file, "clock_mhz", 'folding_files = ["Mine.json"]\nclock_mhz')
    low, _, mine = expand(load_grid(grid_file))[:3]
    assert mine.specs["compile"] == low.specs["compile"]
    assert mine.labels.folding == "mine"


def test_the_papers_grid_is_the_papers(tmp_path: Path) -> None:
    grid = load_grid(ROOT / "experiments" / "paper.toml")
    on_mnist = [e for e in expand(grid) if e.labels.dataset == "MNIST"]
    layers = NETWORKS["TFC"].architecture.shapes((1, 32, 32), 10)
    intervals = {}
    for experiment in on_mnist:
        folding = experiment.specs["compile"]["folding"]
        assert folding is not None
        pairs = list(zip(folding, layers, strict=True))
        if all(layer.outputs % pe == layer.inputs % simd == 0 for (pe, simd), layer in pairs):
            intervals[experiment.labels.folding] = max(
                layer.inputs // simd * layer.outputs // pe for (pe, simd), layer in pairs
            )
    assert intervals == {"max": 64, "high": 256, "mid": 1024, "low": 4096, "min": 16384}
    assert len(on_mnist) == 49 * 6
    train = on_mnist[0].specs["train"]
    assert [train[key] for key in ("epochs", "milestones", "batch_size")] == [40, [34, 37], 100]


def test_every_clock_comes_through_as_it_was_written(grid_file: Path) -> None:
    grid = load_grid(grid_file)
    for mhz in range(1, 1001, 7):
        build = grid.build.model_copy(update={"clock_mhz": float(mhz)})
        first = expand(grid.model_copy(update={"build": build}))[0]
        for stage in ("compile", "synthesize"):
            assert first.specs[stage]["clock_mhz"] == mhz


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_grid(tmp_path / "none.toml")


def test_all_that_is_missing_is_said_at_once(tmp_path: Path) -> None:
    empty = tmp_path / "empty.toml"
    empty.write_text("")
    with pytest.raises(ConfigError) as caught:
        load_grid(empty)
    for missing in ("key 'name'", "train and model are", "key 'build'"):
        assert f"{missing} " in f"{caught.value.what} "


def test_a_training_that_is_wrong_is_not_said_to_be_missing(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('name = "wrong"\n[train]\nnetwork = 5\n[build]\nboard = "ZCU104"\n')
    with pytest.raises(ConfigError) as caught:
        load_grid(wrong)
    assert "train.network" in caught.value.what
    assert "model" not in caught.value.what

"""Networks that a Python file of the user's builds, and whatever such a file may do."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest
import torch
from brevitas import nn as qnn
from torch import nn

from conftest import CLASSES, TRAIN_SPEC, make_request, run_here, run_worker
from contract.arrays import load_npz
from contract.code import Code
from stagekit import StageError
from train_worker.checkpoint import Checkpoint
from train_worker.export import export, to_qonnx
from train_worker.own import build as own
from train_worker.own import trial
from train_worker.own.build import build
from train_worker.own.order import Order
from train_worker.training import train

CONVOLUTIONS = """
import brevitas.nn as qnn
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, weight_bits, act_bits, channels, classes):
        super().__init__()
        self.conv = qnn.QuantConv2d(
            channels, 4, kernel_size=3, bias=False, weight_bit_width=weight_bits
        )
        self.norm = nn.BatchNorm2d(4)
        self.act = qnn.QuantReLU(bit_width=act_bits)
        self.fc = qnn.QuantLinear(4 * 6 * 6, classes, bias=False, weight_bit_width=weight_bits)

    def forward(self, x):
        assert x.min() >= 0 and x.max() <= 1
        x = self.act(self.norm(self.conv(x)))
        return self.fc(torch.flatten(x, 1))


def build(weight_bits, act_bits, image_shape, classes):
    return Net(weight_bits, act_bits, image_shape[0], classes)
"""
LINEAR = """
import brevitas.nn as qnn
from torch import nn


def build(weight_bits, act_bits, features, classes, dropout):
    return nn.Sequential(
        qnn.QuantLinear(features, 16, bias=False, weight_bit_width=weight_bits),
        nn.BatchNorm1d(16),
        qnn.QuantReLU(bit_width=act_bits, return_quant_tensor=True),
        nn.Dropout(dropout),
        qnn.QuantLinear(
            16, classes, bias=False, weight_bit_width=weight_bits, return_quant_tensor=True
        ),
    )
"""
FLOAT = """
from torch import nn

def build(weight_bits, act_bits, features, classes):
    return nn.Sequential(nn.Linear(features, classes))
"""
SLOW = 1.0
"""Seconds after which a file is stopped here."""


def order(text: str, **changes: Any) -> Order:
    code = Code(file="my_net.py", text=textwrap.dedent(text), function="build")
    values = {"weight_bits": 2, "act_bits": 3, "image": (1, 8, 8), "classes": 4, "dropout": 0.2}
    return Order(**(values | {"code": code} | changes))


def spec(text: str, **changes: Any) -> dict[str, Any]:
    code = {"file": "my_net.py", "text": text, "function": "build"}
    made = {"network": "my_net", "architecture": None, "code": code, "image_size": 8, "act_bits": 3}
    return TRAIN_SPEC | made | changes


def body(*lines: str) -> str:
    """A file whose function does this."""
    head = "import torch\nfrom torch import nn\nimport brevitas.nn as qnn\n"
    parameters = "weight_bits, act_bits, features, classes"
    return f"{head}def build({parameters}):\n" + textwrap.indent("\n".join(lines), "    ")


def forward(*lines: str) -> str:
    """A file whose network does this with `x`, before a layer."""
    return body(
        "class Net(nn.Module):",
        "    def __init__(self):",
        "        super().__init__()",
        "        self.fc = qnn.QuantLinear(features, classes, bias=False, weight_bit_width=2)",
        "    def forward(self, x):",
        *(f"        {line}" for line in lines),
        "        return self.fc(x)",
        "return Net()",
    )


def test_a_network_is_given_what_its_function_asks_for() -> None:
    made = build(order(LINEAR, weight_bits=4, dropout=0.3))
    linears = [layer for layer in made.modules() if isinstance(layer, qnn.QuantLinear)]
    assert [(layer.in_features, layer.out_features) for layer in linears] == [(64, 16), (16, 4)]
    assert [int(layer.weight_quant.bit_width()) for layer in linears] == [4, 4]
    assert next(m for m in made.modules() if isinstance(m, nn.Dropout)).p == 0.3
    pixels = torch.randint(0, 256, (5, 64)).float()
    assert torch.equal(made.eval()(pixels), made.network(pixels / 255).value)


def test_bits_of_each_layer_come_as_a_list() -> None:
    text = LINEAR.replace(
        "    return", "    assert isinstance(weight_bits, list)\n    a, b = weight_bits\n    return"
    )
    first, _, second = text.rpartition("weight_bit_width=weight_bits")
    text = f"{first}weight_bit_width=b{second}".replace("width=weight_bits", "width=a")
    made = build(order(text, weight_bits=(3, 5)))
    linears = [layer for layer in made.modules() if isinstance(layer, qnn.QuantLinear)]
    assert [int(layer.weight_quant.bit_width()) for layer in linears] == [3, 5]
    with pytest.raises(StageError, match=r"my_net.py, line 8, in build\(weight_bits=\[3, 5, 7\]"):
        build(order(text, weight_bits=(3, 5, 7)))


def test_a_float_reference() -> None:
    made = build(order(FLOAT, weight_bits=0, act_bits=0))
    assert made(torch.zeros(2, 64)).shape == (2, 4)


@pytest.mark.parametrize("text", [CONVOLUTIONS, LINEAR])
def test_it_is_trained_and_exported(dataset: Path, tmp_path: Path, text: str) -> None:
    request = make_request(tmp_path / "train", "train", spec(text), {"dataset": dataset})
    run_here(train, request)
    inputs = {"dataset": dataset, "train": request.outputs}
    exported = make_request(tmp_path / "export", "export", {"golden_images": 100}, inputs)
    run_here(export, exported)
    checkpoint = Checkpoint.load(request.outputs / "checkpoint.pt")
    assert checkpoint.accuracy > 2 / CLASSES
    assert checkpoint.spec.code == Code(file="my_net.py", text=text, function="build")
    images, logits = load_npz(exported.outputs / "golden.npz", ("images", "logits"))
    assert images.shape[1:] == ((64,) if text == LINEAR else (1, 8, 8))
    again = checkpoint.network()(torch.from_numpy(images).float()).detach().numpy()
    assert (again == logits).all()


def test_same_request_same_bytes(dataset: Path, tmp_path: Path) -> None:
    wanted, inputs = spec(CONVOLUTIONS, epochs=1, milestones=[]), {"dataset": dataset}
    elsewhere = run_worker(tmp_path / "elsewhere", "train", wanted, inputs)
    assert elsewhere.result["status"] == "done", elsewhere.log
    here = make_request(tmp_path / "here", "train", wanted, inputs)
    run_here(train, here)
    assert set(elsewhere.hashes()) == {"checkpoint.pt", "metrics.json"}
    for name in elsewhere.hashes():
        assert (here.outputs / name).read_bytes() == (elsewhere.outputs / name).read_bytes()


def test_other_code_does_not_fit_a_checkpoint(dataset: Path, tmp_path: Path) -> None:
    request = make_request(
        tmp_path / "run", "train", spec(LINEAR, epochs=1, milestones=[]), {"dataset": dataset}
    )
    run_here(train, request)
    path = request.outputs / "checkpoint.pt"
    content = torch.load(path, weights_only=True)
    content["spec"]["code"]["text"] = LINEAR.replace("16", "8")
    torch.save(content, path)
    with pytest.raises(StageError, match="parameters do not fit"):
        Checkpoint.load(path).network()


WRONG = [
    # The file itself
    ("import nothing_of_the_kind\n" + FLOAT, "line 1, when it is imported: ModuleNotFoundError",
     "brevitas, "),
    ("from my_helper import layers\n" + FLOAT, "No module named 'my_helper'", "into my_net.py"),
    ("x = 1\nx.y\n" + FLOAT, "line 2, when it is imported: AttributeError", "the log"),
    ("import sys\nsys.exit(3)\n" + FLOAT, "line 2, when it is imported: SystemExit: 3", "do not"),
    ("import os\nos._exit(3)\n" + FLOAT, "my_net.py ended the process (exit status 3)", "Return"),
    ("import os\nos.abort()\n" + FLOAT, "my_net.py ended the process (SIGABRT)", "memory"),
    ("import os\nos.closerange(0, 9999)\n" + FLOAT, "ended the process (exit status", "Return"),
    ("while True: pass\n" + FLOAT, "line 1, when it is imported: it takes too long", "at once"),
    ("import time\nwhile True:\n try:\n  time.sleep(9)\n except BaseException: pass\n" + FLOAT,
     "took longer than 1 second and", "at once"),
    ("class Silent(Exception):\n def __str__(self): raise self\nraise Silent\n" + FLOAT,
     "line 3, when it is imported: Silent.", "the log"),
    ("exec('x = (')\n" + FLOAT, "line 1, when it is imported: SyntaxError", "the log"),
    # What its function does
    (body("return 1 / 0"), "line 5, in build(weight_bits=2, act_bits=3, features=64, classes=4): "
     "ZeroDivisionError: division by zero", "the log"),
    (body("pass"), "build returned NoneType, no torch.nn.Module", "Return the network"),
    (body("return nn.Linear"), "build returned type, no torch.nn.Module", "Return the network"),
    (body("raise MemoryError('x' * 5000)"), "x" * 280 + "....", "the log"),
    # What it returns
    (body("return nn.Flatten()"), "no parameters to train", "Give it some"),
    (body("return torch.jit.script(nn.Linear(features, classes))"),
     "my_net.py: the network is compiled by torch.jit", "as they are written"),
    (body("return nn.LazyLinear(classes)"), "my_net.py: the parameter 'weight' has no shape yet",
     "how many inputs"),
    (body("return nn.Linear(features, classes).double()"), "'weight' is torch.float64 on cpu",
     "float32"),
    (body("return nn.Linear(features, classes)"), "2, but the weights of the network are",
     "QuantLinear"),
    (body("return nn.Sequential(nn.Linear(features, 4), nn.ReLU(), nn.Linear(4, classes))"),
     "but the weights of layers '0' and '2' are not quantized", "QuantLinear"),
    (body("return nn.Sequential(nn.Linear(features, classes))"), "of layer '0' are", "QuantLinear"),
    (body("return qnn.QuantLinear(features, classes, bias=False, weight_bit_width=4)"),
     "weight_bits is 2, but the bit widths are others (", "use the weight_bits that it is given"),
    (LINEAR.replace("bit_width=act_bits", "bit_width=8"),
     "act_bits is 3, but the bit widths are others ('2': 8)", "act_bits that it is given"),
    (body("import time", "torch.manual_seed(time.time_ns())",
          "return qnn.QuantLinear(features, classes, bias=False, weight_bit_width=2)"),
     "built twice from one seed, the parameter 'weight' differs", "torch's own generator"),
    # What that does with images
    (body("return qnn.QuantLinear(10, classes, bias=False, weight_bit_width=2)"),
     "given images of shape [4, 64]: RuntimeError: mat1 and mat2 shapes", "the log"),
    (forward("x = x.view(4, 5)"), "line 10, given images of shape [4, 64]: RuntimeError", "log"),
    (body("return qnn.QuantLinear(features, 7, bias=False, weight_bit_width=2)"),
     "returns [4, 7], not [4, 4]: one logit per class", "has 4 classes; build"),
    (forward("return 5"), "the network returns int, no tensor", "logits only"),
    (forward("return (self.fc(x), x)"), "the network returns tuple, no tensor", "logits only"),
    (forward("x = x / 0"), "the logits are not finite", "from 0 to 1"),
    (forward("x = x.detach()", "self.fc.requires_grad_(False)"), "depend on any parameter", ""),
    (forward("x = x * torch.rand(1)"), "other logits for the same images", "training only"),
    (forward("import sys", "sys.exit('enough')"), "line 11, given images of shape [4, 64]: "
     "SystemExit: enough", "do not end"),
    (forward("while True: pass"), "line 10, given images of shape [4, 64]: it takes too long", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "what", "remedy"), WRONG)
def test_a_file_that_is_wrong(
    text: str, what: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own, "BUILD_SECONDS", SLOW)
    monkeypatch.setattr(trial, "GRACE", SLOW)
    with pytest.raises(StageError) as caught:
        build(order(text))
    assert caught.value.what.startswith("my_net.py"), caught.value.what
    assert what in caught.value.what
    assert remedy in caught.value.remedy
    assert "\n" not in caught.value.what
    assert len(caught.value.what) < 600


SHOWN = [
    (forward("x = x.view(4, 5)"), [10], "in forward", "x = x.view(4, 5)"),
    ("def inner():\n    raise ValueError('of mine')\ninner()\n" + FLOAT, [3, 2], "in inner",
     "ValueError: of mine."),
    ("from my_helper import layers\n" + FLOAT, [1], "in <module>", "from my_helper import layers"),
    (body("def deeper(n): return deeper(n + 1)", "return deeper(0)"), [5] * 3, "in deeper",
     "Previous line repeated"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "lines", "last", "said"), SHOWN)
def test_of_an_error_the_lines_of_the_file_are_shown_and_nobody_elses(
    text: str, lines: list[int], last: str, said: str
) -> None:
    with pytest.raises(StageError) as caught:
        build(order(text))
    shown = [line for line in caught.value.excerpt.splitlines() if line.startswith("  File ")]
    numbers = [f'  File "my_net.py", line {number}, ' for number in lines]
    assert [line.rpartition("in ")[0] for line in shown] == numbers
    assert shown[-1].endswith(last)
    assert said in caught.value.excerpt


@pytest.mark.parametrize(
    "text", [body("pass"), body("return nn.Flatten()"), "import os\nos._exit(3)\n" + FLOAT]
)
def test_where_no_line_of_the_file_raised_none_is_shown(text: str) -> None:
    with pytest.raises(StageError) as caught:
        build(order(text))
    assert caught.value.excerpt == ""


def test_what_goes_wrong_in_training_is_told_with_its_line(dataset: Path, tmp_path: Path) -> None:
    """Only where the file has to do with it; the batch is larger than those of the trial."""
    text = forward("assert len(x) < 50, 'too many'")
    request = make_request(tmp_path / "run", "train", spec(text), {"dataset": dataset})
    with pytest.raises(StageError) as caught:
        run_here(train, request)
    assert caught.value.what == "my_net.py, line 10, in training: AssertionError: too many."
    assert list(request.outputs.iterdir()) == []


def test_a_loss_that_is_not_finite_says_so(dataset: Path, tmp_path: Path) -> None:
    text = forward("x = x / (0 if len(x) == 50 else 1)")
    request = make_request(tmp_path / "run", "train", spec(text), {"dataset": dataset})
    with pytest.raises(StageError, match="The training diverged: the loss of epoch 1 is nan"):
        run_here(train, request)


def test_what_onnx_has_no_operator_for(tmp_path: Path) -> None:
    text = forward("x = torch.fft.fft(x).abs()")
    with pytest.raises(StageError, match=r"cannot be exported to QONNX\. .*fft") as caught:
        to_qonnx(build(order(text)).eval(), (64,), "UINT8", tmp_path)
    assert "ONNX has an operator" in caught.value.remedy


def test_what_is_printed_goes_to_the_log(dataset: Path, tmp_path: Path) -> None:
    """Not among the events, which are on standard output."""
    text = "import os\nprint('from Python')\nos.system('echo from a program')\n" + LINEAR
    run = run_worker(
        tmp_path / "run", "train", spec(text, epochs=1, milestones=[]), {"dataset": dataset}
    )
    assert run.result["status"] == "done", run.log
    assert "from Python" in run.log
    assert "from a program" in run.log
    assert {event["event"] for event in run.events} == {"progress"}

"""Best test accuracy of trainings, through the lean twin and through Brevitas' own modules.

Each training runs in a process of its own, several at a time. Runs in the train environment. Both
ways see the same images in the same order from the same initial weights; what is dropped differs.

Usage: accuracy.py DATASET EPOCHS PROCESSES lean|brevitas[,...] cpu|cuda BITS[,...] SEED[,...]
"""

from __future__ import annotations

import io
import itertools
import json
import multiprocessing
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WIDTH_OF_ALL = range(2, 9)


def main() -> None:
    """Print one line of JSON for each training, and one for all of them."""
    folder, epochs, processes = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    ways, device = sys.argv[4].split(","), sys.argv[5]
    pairs = list(itertools.product(WIDTH_OF_ALL, WIDTH_OF_ALL))
    if sys.argv[6] != "all":
        pairs = [(int(bits), int(bits)) for bits in sys.argv[6].split(",")]
    seeds = [int(seed) for seed in sys.argv[7].split(",")]
    jobs = [
        (folder, epochs, way, device, pair, seed)
        for way, pair, seed in itertools.product(ways, pairs, seeds)
    ]
    start = time.perf_counter()
    with multiprocessing.get_context("spawn").Pool(processes, maxtasksperchild=1) as pool:
        for line in pool.imap_unordered(train, jobs, chunksize=1):
            print(json.dumps(line), flush=True)
    seconds = time.perf_counter() - start
    print(json.dumps({"trainings": len(jobs), "processes": processes, "seconds": seconds}))


def train(job: tuple[Path, int, str, str, tuple[int, int], int]) -> dict[str, object]:
    """Train as the stage does; its best accuracy and the seconds it took."""
    import torch  # noqa: PLC0415  (in the child only)

    from stagekit import Reporter, Request  # noqa: PLC0415
    from train_worker import training  # noqa: PLC0415
    from train_worker.autograd import Autograd  # noqa: PLC0415

    sys.path.append(str(ROOT))
    from bench.networks.tfc import NETWORK  # noqa: PLC0415

    folder, epochs, way, device, (weight_bits, act_bits), seed = job
    if way == "brevitas":
        training.Twin = Autograd  # type: ignore[misc]
    if device == "cpu":
        torch.cuda.is_available = lambda: False
    spec = {
        "network": "TFC", "architecture": NETWORK.architecture.to_json(),
        "weight_bits": weight_bits, "act_bits": act_bits, "seed": seed, "epochs": epochs,
        "batch_size": 100, "learning_rate": 0.01,
        "milestones": [epoch for epoch in (34, 37) if epoch < epochs], "gamma": 0.1,
        "dropout": 0.2, "image_size": 32, "train_images": 0,
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        out = Path(name)
        request = Request(
            stage="train", spec=spec, inputs={"dataset": folder}, outputs=out, scratch=out,
            cache=out, cpus=1, result=out / "result.json",
        )  # fmt: skip
        reporter = Reporter(io.StringIO())
        training.train(request, reporter)
        metrics = json.loads((out / "metrics.json").read_text())
    return {
        "way": way, "device": reporter.tools["training device"], "weight_bits": weight_bits,
        "act_bits": act_bits, "seed": seed, "accuracy": metrics["accuracy"],
        "best_epoch": metrics["best_epoch"], "last": metrics["epochs"][-1]["test_accuracy"],
        "seconds": round(reporter.timings["train"], 2),
    }  # fmt: skip


if __name__ == "__main__":
    main()

"""What FINN+ takes for Vivado's simulator, and for the Vivado project that joins nodes.

FINN+'s own engine and its tasks run unchanged; only what compiles and loads a design is ours, and
each transfer of data is done once more for each of `STALLS`.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from module import Build, Design, Port
from simulators import Simulators


@dataclass(frozen=True)
class Stalls:
    """How often an input is offered and an output is taken, in cycles of a hundred."""

    offered: int
    taken: int
    seed: int


STALLS = (Stalls(50, 50, 1), Stalls(100, 25, 2), Stalls(25, 100, 3))


# Cycles after which a transfer with stalls is given up
STALLED_LIMIT = 1_000_000


@dataclass
class Simulated:
    """What a test simulates.

    Attributes:
        simulators: Makes the builds.
        variants: Names of the builds that agreed with one another.
        cycles: Simulated for FINN+'s test, and with stalls on top of that.
    """

    simulators: Simulators
    variants: set[str] = field(default_factory=set)
    cycles: int = 0
    stalled_cycles: int = 0
    builds: dict[Path, Mapping[str, Build]] = field(default_factory=dict)
    designs: list[Design] = field(default_factory=list)


_current: list[Simulated] = []


def start(simulators: Simulators) -> Simulated:
    """Begin a test, whose modules `simulators` will build."""
    _current.append(Simulated(simulators))
    return _current[-1]


def finish() -> None:
    """End the test, and what it has left running."""
    for design in _current.pop().designs:
        design.close()


def compile_sim_obj(
    top_module_name: str,
    source_list: list[str],
    sim_out_dir: Path,
    debug: bool = False,
    behav: bool = False,
    fifosim: bool = False,
) -> tuple[Path, Path]:
    assert not behav, "behavioural models are not what is synthesized"
    current = _current[-1]
    files = [Path(source).resolve() for source in source_list]
    if [file.name for file in files] == ["design.json"]:
        builds = current.simulators.of_bundle(files[0].parent)
    else:
        builds = current.simulators.of_node(top_module_name, files)
    # FINN+ takes the place of the library for the compiled design.
    library = Path("xsim.dir") / top_module_name / "xsimk.so"
    (sim_out_dir / library).parent.mkdir(parents=True)
    (sim_out_dir / library).touch()
    current.builds[(sim_out_dir / library).resolve()] = builds
    current.variants.update(builds)
    return sim_out_dir, library


def install() -> None:
    """Put it in place; before anything of FINN+'s that simulates is imported."""
    xsi = ModuleType("xsi")
    vars(xsi).update(Kernel=str, Port=Port, Design=_design)
    sys.modules["xsi"] = xsi
    import finn.xsi
    import finn_xsi.adapter
    import finn_xsi.sim_engine

    adapter = finn_xsi.adapter
    adapter.get_simkernel_so = lambda: "Verilator"
    adapter.wait_for_file = lambda path, timeout=None: Path(path).is_file()
    vars(finn.xsi).update(
        is_available=lambda: True,
        ensure_available=lambda: True,
        compile_sim_obj=compile_sim_obj,
        load_sim_obj=adapter.load_sim_obj,
        reset_rtlsim=adapter.reset_rtlsim,
        rtlsim_multi_io=_with_stalls(adapter.rtlsim_multi_io, adapter.reset_rtlsim),
        close_rtlsim=adapter.close_rtlsim,
        SimEngine=finn_xsi.sim_engine.SimEngine,
    )


def _design(kernel: str, library: str, *_: object) -> Design:
    """The compiled design; FINN+ is in its folder when it asks for it."""
    current = _current[-1]
    current.designs.append(Design(current.builds[Path(library).resolve()]))
    return current.designs[-1]


def _with_stalls(transfer: Callable[..., int], reset: Callable[[Any], None]) -> Callable[..., int]:
    """FINN+'s transfer of data, and then the same data with stalls at either end."""

    def rtlsim_multi_io(sim: Any, io_dict: Any, *arguments: Any, **options: Any) -> int:
        current = _current[-1]
        cycles = transfer(sim, io_dict, *arguments, **options)
        current.cycles += cycles
        for stalls in STALLS:
            reset(sim)
            current.stalled_cycles += _transfer_with_stalls(sim, io_dict, stalls, options["sname"])
        return cycles

    return rtlsim_multi_io


def _transfer_with_stalls(sim: Any, io_dict: Any, stalls: Stalls, suffix: str) -> int:
    generator = random.Random(stalls.seed)
    start = sim.ticks
    for name, values in io_dict["inputs"].items():
        sim.enlist(_Offer(sim, name + suffix, iter(values), stalls.offered, generator))
    takers = {}
    for name, values in io_dict["outputs"].items():
        takers[name] = _Take(sim, name + suffix, len(values), stalls.taken, generator)
        sim.enlist(takers[name])
    assert not sim.run(STALLED_LIMIT), f"with stalls, no end after {STALLED_LIMIT} cycles"
    for name, values in io_dict["outputs"].items():
        assert takers[name].values == values, f"with stalls, {name} has other values"
    return int(sim.ticks - start)


class _Offer:
    """Offers each value after a random pause, until it is taken."""

    def __init__(
        self, sim: Any, stream: str, values: Iterator[int], percent: int, generator: random.Random
    ) -> None:
        self._valid, self._ready, self._data = _ports(sim, stream)
        self._values = values
        self._percent = percent
        self._generator = generator
        self._next = next(values, None)

    def __call__(self, sim: Any) -> dict[Any, str] | None:
        if not self._ready.read().as_bool() and self._valid.as_bool():
            return {}
        if self._next is None:
            return {self._valid: "0"} if self._valid.as_bool() else None
        if self._generator.randrange(100) >= self._percent:
            return {self._valid: "0"}
        value, self._next = self._next, next(self._values, None)
        return {self._valid: "1", self._data: f"{value:x}"}


class _Take:
    """Is ready in random cycles, until `count` values have come."""

    def __init__(
        self, sim: Any, stream: str, count: int, percent: int, generator: random.Random
    ) -> None:
        self._valid, self._ready, self._data = _ports(sim, stream)
        self._count = count
        self._percent = percent
        self._generator = generator
        self.values: list[int] = []

    def __call__(self, sim: Any) -> dict[Any, str] | None:
        if self._valid.read().as_bool() and self._ready.as_bool():
            self.values.append(self._data.read().as_unsigned())
        if len(self.values) == self._count:
            return {self._ready: "0"} if self._ready.as_bool() else None
        ready = self._generator.randrange(100) < self._percent
        return {self._ready: "1" if ready else "0"}


def _ports(sim: Any, stream: str) -> tuple[Any, Any, Any]:
    valid, ready, data = (sim.get_bus_port(stream, end) for end in ("TVALID", "TREADY", "TDATA"))
    return valid, ready, data

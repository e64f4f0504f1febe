"""Two functions in one LUT, as Vivado packs and counts them.

A LUT6 of 7-series and later is two LUT5 with common inputs (AMD UG474, "Look-Up Table"): two
functions share it where together they have at most five inputs. Yosys counts every function.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

MOST_INPUTS = 5
# Of a net with more readers, only so many are looked at: a partner is found long before.
_MOST_READERS = 64


def pairs(functions: Sequence[frozenset[int]]) -> int:
    """How many pairs of functions share a LUT.

    Largest functions first, each takes the partner with which it shares most inputs; the first of
    equals. Functions without a common input are left apart.

    Args:
        functions: The nets at each function's inputs, constants left out.
    """
    order = sorted(
        (i for i, nets in enumerate(functions) if len(nets) <= MOST_INPUTS),
        key=lambda i: (-len(functions[i]), i),
    )
    readers: dict[int, list[int]] = defaultdict(list)
    for i in order:
        for net in functions[i]:
            readers[net].append(i)
    free = set(order)
    found = 0
    for i in order:
        if i not in free:
            continue
        free.discard(i)
        partner = _partner(i, functions, readers, free)
        if partner is not None:
            free.discard(partner)
            found += 1
    return found


def _partner(
    i: int, functions: Sequence[frozenset[int]], readers: dict[int, list[int]], free: set[int]
) -> int | None:
    """The free function that shares most inputs with function `i` and fits beside it."""
    nets = functions[i]
    best: tuple[int, int] | None = None
    for net in sorted(nets):
        looked_at = 0
        for other in readers[net]:
            if other not in free:
                continue
            looked_at += 1
            if looked_at > _MOST_READERS:
                break
            if len(nets | functions[other]) <= MOST_INPUTS:
                rank = (-len(nets & functions[other]), other)
                best = rank if best is None else min(best, rank)
    return None if best is None else best[1]

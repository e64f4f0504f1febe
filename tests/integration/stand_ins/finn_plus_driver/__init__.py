"""Stands for finn-plus-driver 1.6.1."""

from importlib import import_module

DRIVER_TYPES = {"FINNDMAOverlay": "finn_plus_driver.overlays.dma"}


def get_driver_class(driver_type: str) -> type:
    if driver_type not in DRIVER_TYPES:
        raise ValueError(f"Unknown driver type '{driver_type}'.")
    return getattr(import_module(DRIVER_TYPES[driver_type]), driver_type)

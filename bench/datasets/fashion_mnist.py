"""Fashion-MNIST: pieces of clothing. H. Xiao, K. Rasul, R. Vollgraf, arXiv:1708.07747.

The places are the authors' repository, Keras' mirror and Debian.
"""

from bench.datasets import idx
from bench.datasets.fetching.packages import DebianPackage
from bench.datasets.fetching.web import WebFolder

DATASET = idx.dataset(
    name="Fashion-MNIST",
    classes=10,
    size=(28, 28),
    train_images=60_000,
    test_images=10_000,
    sha256=(
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
    sources=(
        WebFolder("https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/"),
        WebFolder("https://storage.googleapis.com/tensorflow/tf-keras-datasets/"),
        DebianPackage("dataset-fashion-mnist", folder="usr/share/datasets/fashion-mnist"),
    ),
)

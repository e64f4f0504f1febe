"""VGG16: 13 convolutions."""

from bench.networks.vgg import vgg

NETWORK = vgg(2, 2, 3, 3, 3)

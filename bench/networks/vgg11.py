"""VGG11: 8 convolutions."""

from bench.networks.vgg import vgg

NETWORK = vgg(1, 1, 2, 2, 2)

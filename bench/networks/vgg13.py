"""VGG13: 10 convolutions."""

from bench.networks.vgg import vgg

NETWORK = vgg(2, 2, 2, 2, 2)

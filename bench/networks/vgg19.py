"""VGG19: 16 convolutions."""

from bench.networks.vgg import vgg

NETWORK = vgg(2, 2, 4, 4, 4)

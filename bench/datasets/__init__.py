"""The `dataset` stage: images from wherever they can be had, always checked by SHA-256."""

"""A network's step of learning, with Brevitas' arithmetic and little of its Python.

Brevitas builds a quantizer out of a dozen small modules, so that any part can be exchanged, and
autograd keeps a record of every small operation: in a small network, both take longer than the
arithmetic; in a large one, the values that they keep take most of the memory. A `Twin` has the same
parameters, the same values and the same gradients, but each layer differentiates itself, and all
parameters lie in one vector, which is one tensor to the optimizer. The tests hold it against
Brevitas and autograd at every bit width; what is evaluated, stored and exported is always Brevitas'
own network.
"""

from train_worker.lean.layer import LeanDropout
from train_worker.lean.twin import Twin, UnknownLayerError, join

__all__ = ["LeanDropout", "Twin", "UnknownLayerError", "join"]

"""TensorFlow Serving: a SavedModel in the folders that it serves, ``<model>/<version>``."""

from nightshift.export.foreign import ForeignTarget

TARGET = ForeignTarget(
    name="tfserving",
    library="tensorflow-cpu==2.21.0",
    place="{model}/{version}",
    writes=("tensorflow_network.py", "tfserving_write.py"),
    reads=("tfserving_read.py",),
)

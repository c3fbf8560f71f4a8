"""Core ML: a package for Apple's devices, which takes one row a call, and codes of 32 bits."""

from nightshift.export.foreign import ForeignTarget

TARGET = ForeignTarget(
    name="coreml",
    library="coremltools==9.0",
    place="model.mlpackage",
    writes=("coreml_network.py", "coreml_write.py"),
    reads=("coreml_read.py",),
)

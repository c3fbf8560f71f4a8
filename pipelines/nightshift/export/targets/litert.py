"""LiteRT, which was TensorFlow Lite: one file, for a phone or a small device."""

from nightshift.export.foreign import ForeignTarget

TARGET = ForeignTarget(
    name="litert",
    library="tensorflow-cpu==2.21.0 ai-edge-litert==2.3.0",
    place="model.tflite",
    writes=("tensorflow_network.py", "litert_write.py"),
    reads=("litert_read.py",),
)

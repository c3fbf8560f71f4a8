"""ONNX in production: fetched, inspected, fed, run; nothing here trains."""

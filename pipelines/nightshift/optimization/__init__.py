"""A trained model becomes ONNX graphs: exported, varied, compared with it."""

"""Other ONNX graphs of one trained model, built to be faster; ``steps/optimize.py`` measures and chooses."""

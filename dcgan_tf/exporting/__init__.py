"""The generator for other programs: ONNX, SavedModel, and a web page (`page/`) to play with."""

"""Labels of images: what a network is told of them, and where those of pictures come from: a CSV, or subfolders."""

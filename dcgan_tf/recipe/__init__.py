"""What is trained and how: a recipe's fields, the published recipes and our own. Knows no path, no TensorFlow."""

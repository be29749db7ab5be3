"""The commands of `python -m dcgan_tf`: each parses, calls the function of the same name, prints."""

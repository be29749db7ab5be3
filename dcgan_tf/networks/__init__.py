"""Generators and discriminators: one file per architecture, and the dict of them."""

"""What the notebooks call: parameters checked, paths, tables, pictures and sliders."""

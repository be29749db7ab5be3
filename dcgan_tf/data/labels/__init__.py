"""What labels the pictures of a folder or zip: a CSV beside them, or the subfolders they are in."""

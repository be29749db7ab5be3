"""What is in a source of pictures before any of it is used: values, channels, sizes, near-duplicates."""

"""All runs on one HTML page; `page/` is what the browser gets."""

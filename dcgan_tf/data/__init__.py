"""Pictures and labels: decoding, folders and zips, the prepared format, and batches in a fixed order."""

"""`train()`: the loop, and what watches it."""

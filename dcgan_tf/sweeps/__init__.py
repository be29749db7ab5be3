"""A grid of settings to many papermill runs, and what came of them."""

"""A search for the best settings: trials drawn by Optuna, run as a sweep's runs are, the best few with more seeds."""

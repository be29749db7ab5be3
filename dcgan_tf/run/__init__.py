"""The run directory, the only thing that outlives a training: reading, writing, exact state, sampling from it."""

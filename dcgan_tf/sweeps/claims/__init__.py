"""Claims put to the test: what a sweep was made to find out, effects with intervals, and the verdict that follows."""

"""Where the runs of a sweep are made: in processes of this computer, or on the workers of a Dask scheduler."""

"""Where the runs of a sweep are executed: in processes of this computer."""

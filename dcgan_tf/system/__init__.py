"""The ground: errors that are the user's to mend, files written in one step, downloads, worker processes."""

"""On what a training runs: one device, several of this computer, or several computers."""

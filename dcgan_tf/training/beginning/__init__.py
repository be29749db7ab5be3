"""What a training begins with, where that is not chance: the weights of another run."""

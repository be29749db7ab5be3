"""The algorithm: losses, what D is shown, what keeps it smooth, and `GAN` with one `train_step`."""

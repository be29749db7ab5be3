"""Inside the latent space: formulas of arrays, what asks the generator, and the guided tour."""

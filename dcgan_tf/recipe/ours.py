"""This project's own recipes: `quick`, and `rpi` made to learn."""

from dcgan_tf.recipe.fields import Recipe
from dcgan_tf.recipe.published import RPI

# Chosen by measurement, see benchmarks/README.md.
QUICK = Recipe(
    name="quick",
    source="this project",
    summary="small, fast and steady: the default, for CPUs, any size from 28 to 128",
    architecture="quick",
    latent_dim=32,
    width=32,
    last_doubling="by_channels",
    instance_noise=0.4,
    instance_noise_images=4000,
    instance_noise_target=0.88,
    generator_learning_rate=1e-3,
    discriminator_learning_rate=1e-3,
    beta_1=0.0,
    beta_2=0.99,
    batch_size=32,
    ema_images=50_000,
    ema_rampup=0.1,
)

# What makes it learn, all of it advice of the DCGAN paper or the 2014 paper: BatchNorm in G, kernels of D that
# overlap, LeakyReLU in D, beta_1 0.5, the non-saturating loss. Fewer were not enough, on avatars at width 32 and
# batch 64: the loss alone, or with larger kernels: D wins within 600 steps; with BatchNorm alone: one repeated
# pattern; BatchNorm, kernels and loss without the other two: faces, nearly all the same.
RPI_RESCUED = RPI.with_fields(
    {"batch_norm": "inner", "discriminator_kernel": 5, "leaky_slope": 0.2, "beta_1": 0.5, "loss": "bce"}
).model_copy(
    update={
        "name": "rpi_rescued",
        "summary": "`rpi` made to learn: BatchNorm in G, 5x5 kernels and LeakyReLU in D, beta_1 0.5, "
        "non-saturating loss",
    }
)

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
    self_modulation=True,
    last_doubling="by_channels",
    label_projection=4.0,
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

# What `quick` is on colour images (see catalogue.py). With BatchNorm statistics of their own for each half of a batch,
# D cannot see the grain that all generated images share; with one set it can, and R1 keeps it from winning then, in
# the noise's place. For the first minutes they stay apart in D's first BatchNorm: by what that sees of tint and
# contrast D would win at once, and later on G is to learn just this. On digits the noise is better. Narrower, since
# more steps are worth more than wider layers at 64x64.
QUICK_COLOUR = QUICK.with_fields(
    {
        "width": 24,
        "discriminator_batch": "first_apart",
        "first_apart_images": 12_800,
        "r1_gamma": 0.5,
        "penalty_sigma": 0.1,
        "penalty_share": 0.5,
        "instance_noise": 0.0,
        "instance_noise_images": None,
        "instance_noise_target": None,
    }
).model_copy(
    update={
        "name": "quick_colour",
        "summary": "what `quick` is on colour images: one batch for both kept smooth, no noise, three quarters as wide",
    }
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

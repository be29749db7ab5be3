"""The recipes of published reports, trainable as reported.

Each states only what differs from Recipe's defaults; where a report leaves something out, the comment above its
recipe says what was chosen and why.
"""

from dcgan_tf.recipe.fields import Recipe

# Networks and settings of the TensorFlow tutorial "Deep Convolutional Generative Adversarial Network":
# Keras defaults for initial weights, BatchNorm, LeakyReLU (0.3) and Adam (beta_1 0.9); 16 images a grid. Other than
# there, the last, smaller batch of an epoch is left out.
TUTORIAL = Recipe(
    name="tutorial",
    source="TensorFlow's DCGAN tutorial",
    summary="the networks and settings everybody starts from",
    architecture="tutorial",
    image_size=28,
    channels=1,
    leaky_slope=0.3,
    update_rule="simultaneous",
    generator_learning_rate=1e-4,
    discriminator_learning_rate=1e-4,
    beta_1=0.9,
    batch_size=256,
    epochs=50,
    grid_images=16,
)

# Section 4 of the paper. Its D is only described; mirroring G (128 to 1024) is what the authors' code does.
RADFORD = Recipe(
    name="radford",
    source="Radford, Metz, Chintala 2016 (arXiv:1511.06434)",
    summary="the DCGAN paper",
    architecture="dcgan",
    latent_distribution="uniform",
    width=128,
    batch_size=128,
)

# Not printed, so the DCGAN paper's: kernels, widths, initial weights, learning rate, latents' length.
# "BatchNorm except on its input layer" is taken for both networks; G ends in tanh without BatchNorm.
# The sigmoid on D's logit is in the loss. Of CelebA it took 100,000 images; data_prep takes what it is given.
# batch_norm=all repeats the report's oscillating experiment; in the first 600 steps of a narrow one it oscillates less
# than this, on five seeds (results/claims). That LeakyReLU in G is better than ReLU was seen there; that good images
# come with a loss of G near 1 and of D near 0.5 tells learning rates apart there, and not runs of one rate.
NITK = Recipe(
    name="nitk",
    source="NIT Karnataka 2021",
    summary="MNIST, CIFAR-10, then CelebA; compared batch sizes, epochs and learning rates",
    architecture="dcgan",
    width=128,
    generator_activation="leaky_relu",
    batch_norm="inner",
    batch_size=32,
    epochs=40,
)

# Its text gives all layers the truncated normal 0.02; its notebook leaves Keras' own to the dense layers and to the
# last transposed convolution, and so do these. Other than there: BatchNorm's momentum (0.9 for Keras' 0.99, so that
# samples are right after a short run too), and the last, smaller batch of an epoch is left out. That dropout before
# the transposed convolutions helps, and elsewhere hurts, was not seen in the first 500 steps of a narrow one
# (results/claims).
VRDL = Recipe(
    name="vrdl",
    source="VRDL homework 2, 0856049",
    summary="CelebA without profile faces; only the network that is behind moves",
    architecture="vrdl",
    channels=3,
    width=128,
    real_label_low=0.9,
    generator_target="drawn",
    update_rule="loss_gated",
    batch_size=256,
    epochs=100,
    grid_images=16,
    gif_thinned=True,
)

# Initial weights N(0, 0.002) as printed; we doubt it (the DCGAN paper has 0.02, and so has the course
# these networks come from): --set initial_std=0.02 is worth a try; five seeds did not tell the two apart by distance,
# but with 0.02 there was less grain, nor did 2e-3 and beta_1 0.001 oscillate (results/claims). Not printed: 4x4 kernels
# (with stride 2 and padding 1 they halve exactly), widths 64-128-256, batch 64. Larger sizes get more layers. The
# report used PyTorch: Adam's epsilon is its 1e-8; its dense layers' biases begin at small random numbers, here at 0.
GWU = Recipe(
    name="gwu",
    source="George Washington University 2020",
    summary="small faces at 32x32, tiny initial weights; larger sizes get more layers",
    architecture="gwu",
    image_size=32,
    width=64,
    initial_std=0.002,
    adam_epsilon=1e-8,
    batch_size=64,
    epochs=50,
)

# 10,000 iterations (the variants A and B: --steps 20000, 30000). Not printed: LeakyReLU's slope and the
# initial weights (Keras defaults), the dropout rate (0.4). Both networks' labels in D's loss get the noise. Real and
# generated images go through D as one batch of 32, so its loss is the mean over both: half of the sum, which matters
# where gradients are clipped. The divergence it reports is in bits (at most 1), `evaluate`'s in nats (at most ln 2).
# That the noise on labels helps was not seen on five seeds (results/claims).
SAPIENZA = Recipe(
    name="sapienza",
    source="Sapienza 2021",
    summary="anime faces; RMSprop with clipping, soft labels, no BatchNorm",
    architecture="sapienza",
    channels=3,
    width=128,
    leaky_slope=0.3,
    dropout=0.4,
    label_noise=0.05,
    discriminator_batch="together",
    discriminator_loss_weight=0.5,
    update_rule="alternating",
    optimizer="rmsprop",
    generator_learning_rate=4e-4,
    discriminator_learning_rate=8e-4,
    clip_value=1.0,
    learning_rate_decay=1e-8,
    batch_size=16,
    epochs=None,
    steps=10_000,
    grid_every=100,
)

# D first, then G, is printed (section 2), and a loss of D over 2n images: half of the sum of both means. Adam is
# printed for G only, and taken for both. Not printed: initial weights and Adam's momenta (Keras defaults). It failed,
# as the report says, and does so with ten times the learning rate and a tenth of it (results/claims).
RPI = Recipe(
    name="rpi",
    source="Rensselaer ECSE 4850, 2022",
    summary="no BatchNorm, saturating minimax loss: kept as reported, it does not learn",
    architecture="rpi",
    channels=3,
    width=128,
    batch_norm="none",
    discriminator_kernel=2,
    leaky_slope=0.0,
    loss="minimax",
    discriminator_loss_weight=0.5,
    update_rule="alternating",
    generator_learning_rate=1e-4,
    discriminator_learning_rate=1e-4,
    beta_1=0.9,
    batch_size=1000,
    epochs=20,
    grid_images=100,
)

PUBLISHED = (TUTORIAL, RADFORD, NITK, VRDL, GWU, SAPIENZA, RPI)

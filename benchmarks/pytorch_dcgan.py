"""A plain DCGAN in PyTorch, as its own tutorial has it, for quality.py; needs `pip install torch`.

Latents of 100, 4x4 transposed convolutions, BatchNorm, weights from N(0, 0.02), Adam 2e-4 with beta_1 0.5, batches of
128, D on real and generated images apart, then G through the new D with the same latents; no average. Where the
tutorial begins at 4x4 and goes to 64x64, 28x28 begins at 7x7. The widths are 64, 128, 256, ... as there.
"""

import itertools
import os
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional

BATCH_SIZE, NOISE_DIM, WIDTH = 128, 100, 64


def _start_and_doublings(size):
    start = 7 if size == 28 else 4
    return start, int(np.log2(size // start))


def make_generator(size, channels):
    start, doublings = _start_and_doublings(size)
    widths = [WIDTH << level for level in range(doublings - 1, -1, -1)]
    stack = [nn.ConvTranspose2d(NOISE_DIM, widths[0], start, 1, 0, bias=False)]
    for before, after in itertools.pairwise(widths):
        stack += [nn.BatchNorm2d(before), nn.ReLU(True), nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False)]
    last = nn.ConvTranspose2d(widths[-1], channels, 4, 2, 1, bias=False)
    return nn.Sequential(*stack, nn.BatchNorm2d(widths[-1]), nn.ReLU(True), last, nn.Tanh())


def make_discriminator(size, channels):
    start, doublings = _start_and_doublings(size)
    widths = [WIDTH << level for level in range(doublings)]
    stack = [nn.Conv2d(channels, widths[0], 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True)]
    for before, after in itertools.pairwise(widths):
        stack += [nn.Conv2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after), nn.LeakyReLU(0.2, True)]
    return nn.Sequential(*stack, nn.Conv2d(widths[-1], 1, start, 1, 0, bias=False), nn.Flatten())


def _initialise(module):
    name = type(module).__name__
    if "Conv" in name:
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif "BatchNorm" in name:
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


class PyTorchLoop:
    """The loop over images uint8 [N, S, S, C]."""

    def __init__(self, images, seed):
        torch.manual_seed(seed)
        torch.set_num_threads(len(os.sched_getaffinity(0)))
        size, channels = images.shape[1], images.shape[3]
        self.images = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
        self.generator, self.discriminator = make_generator(size, channels), make_discriminator(size, channels)
        self.generator.apply(_initialise)
        self.discriminator.apply(_initialise)
        networks = self.generator, self.discriminator
        self.optimizers = [torch.optim.Adam(n.parameters(), lr=2e-4, betas=(0.5, 0.999)) for n in networks]
        self.order, self.images_seen, self.seconds = [], 0, 0.0

    def _batch(self):
        if len(self.order) < BATCH_SIZE:
            self.order = torch.randperm(len(self.images))
        rows, self.order = self.order[:BATCH_SIZE], self.order[BATCH_SIZE:]
        return self.images[rows].float() / 127.5 - 1

    def _step(self):
        real, fake = self._batch(), self.generator(torch.randn(BATCH_SIZE, NOISE_DIM, 1, 1))
        self.optimizers[1].zero_grad()
        functional.softplus(-self.discriminator(real)).mean().backward()
        functional.softplus(self.discriminator(fake.detach())).mean().backward()
        self.optimizers[1].step()
        self.optimizers[0].zero_grad()
        functional.softplus(-self.discriminator(fake)).mean().backward()
        self.optimizers[0].step()

    def train(self, max_seconds):
        started, seconds = time.perf_counter(), 0.0
        self.generator.train()
        while seconds < max_seconds:
            self._step()
            self.images_seen += BATCH_SIZE
            seconds = time.perf_counter() - started
        self.seconds += seconds

    def generate(self, count):
        """`count` images uint8 [count, S, S, C]."""
        self.generator.eval()
        with torch.no_grad():
            parts = [self.generator(torch.randn(100, NOISE_DIM, 1, 1)).numpy() for _ in range(-(-count // 100))]
        images = np.concatenate(parts)[:count].transpose(0, 2, 3, 1)
        return np.clip(np.rint(images * 127.5 + 127.5), 0, 255).astype(np.uint8)

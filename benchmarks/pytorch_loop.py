"""The tutorial's networks and step in PyTorch, for comparison; needs `pip install torch`, nothing of this project.

    python benchmarks/pytorch_loop.py [--seconds 20] [--threads 2]

Prints images per second, after a warm-up, on random images held in memory.
"""

import argparse
import time

import torch
from torch import nn
from torch.nn import functional


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.dense = nn.Sequential(
            nn.Linear(100, 7 * 7 * 256, bias=False), nn.BatchNorm1d(7 * 7 * 256), nn.LeakyReLU(0.3)
        )
        self.layers = nn.Sequential(
            nn.ConvTranspose2d(256, 128, 5, 1, 2, bias=False),
            nn.BatchNorm2d(128),
            nn.LeakyReLU(0.3),
            nn.ConvTranspose2d(128, 64, 5, 2, 2, output_padding=1, bias=False),
            nn.BatchNorm2d(64),
            nn.LeakyReLU(0.3),
            nn.ConvTranspose2d(64, 1, 5, 2, 2, output_padding=1, bias=False),
            nn.Tanh(),
        )

    def forward(self, latents):
        return self.layers(self.dense(latents).view(-1, 256, 7, 7))


def make_discriminator():
    return nn.Sequential(
        nn.Conv2d(1, 64, 5, 2, 2),
        nn.LeakyReLU(0.3),
        nn.Dropout(0.3),
        nn.Conv2d(64, 128, 5, 2, 2),
        nn.LeakyReLU(0.3),
        nn.Dropout(0.3),
        nn.Flatten(),
        nn.Linear(128 * 7 * 7, 1),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--channels-last", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    generator, discriminator = Generator(), make_discriminator()
    if options.channels_last:
        generator, discriminator = (m.to(memory_format=torch.channels_last) for m in (generator, discriminator))
    generator_optimizer = torch.optim.Adam(generator.parameters(), 1e-4)
    discriminator_optimizer = torch.optim.Adam(discriminator.parameters(), 1e-4)
    images = torch.rand(5000, 1, 28, 28) * 2 - 1

    def step(start):
        real = images[start : start + 256]
        fake = generator(torch.randn(256, 100))
        real_logits, fake_logits = discriminator(real), discriminator(fake.detach())
        loss = functional.softplus(-real_logits).mean() + functional.softplus(fake_logits).mean()
        discriminator_optimizer.zero_grad()
        loss.backward()
        discriminator_optimizer.step()
        generator_optimizer.zero_grad()
        functional.softplus(-discriminator(fake)).mean().backward()
        generator_optimizer.step()

    for _ in range(3):
        step(0)
    started, steps = time.perf_counter(), 0
    while time.perf_counter() - started < options.seconds:
        step(steps % 19 * 256)
        steps += 1
    print(f"{steps * 256 / (time.perf_counter() - started):.1f} images/s")


if __name__ == "__main__":
    main()

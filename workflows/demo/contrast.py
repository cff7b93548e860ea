"""Contrastive training of a location encoder against an image head, and the retrieval rank it reaches.

The objective is SatCLIP's (arXiv:2311.17179): in a batch, every place must recognise its own picture among
all pictures, and every picture its own place. The location branch is SatCLIP's L=40 architecture; the image
branch is a small network over the fixed visual values.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rangegeo.databases.ranks import Retrieval as Retrieval
from rangegeo.field.harmonics import SphericalHarmonics
from rangegeo.field.siren import Siren

LEGENDRE_POLYS = 40  # the six published SatCLIP checkpoints have 10 or 40
CAPACITY = 512
HIDDEN_LAYERS = 2
EMBED_DIM = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the two branches are trained.

    Attributes:
        epochs: passes over the training places.
        batch: places in one contrastive batch.
        first_rate: peak learning rate of the first layer of the SIREN, whose input is multiplied by 30.
        rate: peak learning rate of everything else.
        first_init: half width of the uniform initialisation of the first layer.
        weight_decay: decoupled decay of the weights of both branches.
        noise: standard deviation of the noise added to the standardised values.
        dropout: share of hidden units dropped in the image head.
        logit_scale_limit: upper bound of the learned inverse temperature. RANGE+ retrieves at 12; trained
            no colder than that, the cosines of different landscapes stay far apart.
        report_every: epochs between two reports of the held-out rank.
    """

    epochs: int = 24
    batch: int = 4096
    first_rate: float = 1e-4
    rate: float = 1e-3
    first_init: float = 2.0 / LEGENDRE_POLYS**2
    weight_decay: float = 0.05
    noise: float = 0.1
    dropout: float = 0.1
    logit_scale_limit: float = 12.0
    report_every: int = 4


class ImageHead(nn.Module):
    """Visual values (n, 256) to embeddings (n, 256), not normalised."""

    def __init__(self, value_std: Tensor, hidden: int = 512, dropout: float = 0.0) -> None:
        super().__init__()
        self.register_buffer("value_std", value_std.clone())
        self.hidden = nn.Linear(len(value_std), hidden)
        self.last = nn.Linear(hidden, EMBED_DIM)
        self.dropout = nn.Dropout(dropout)

    def forward(self, values: Tensor, noise: float = 0.0) -> Tensor:
        """(n, 256) values to (n, 256) embeddings; `noise` is added to the standardised values."""
        standard = values / self.value_std
        if noise:
            standard = standard + noise * torch.randn_like(standard)
        return self.last(self.dropout(F.gelu(self.hidden(standard))))


def basis(lonlat_deg: Tensor) -> Tensor:
    """(n, 2) lon, lat in degrees to (n, 1600) float32: computed in float64, stored for training."""
    harmonics = SphericalHarmonics(LEGENDRE_POLYS, "analytic")
    return torch.cat([harmonics(part.double()).float() for part in lonlat_deg.split(4096)])


def new_location_branch(first_init: float) -> Siren:
    """A SIREN with SatCLIP's widths and the initialisation of arXiv:2006.09661, float32."""
    siren = Siren(LEGENDRE_POLYS**2, CAPACITY, HIDDEN_LAYERS, EMBED_DIM).float()
    bound = math.sqrt(6.0 / CAPACITY)
    with torch.no_grad():
        for module, limit in [(siren.layers[0], first_init), (siren.layers[1], bound), (siren.last_layer, bound)]:
            module.weight.uniform_(-limit, limit)
            module.bias.uniform_(-limit, limit)
        siren.layers[0].bias.uniform_(-math.pi / 30.0, math.pi / 30.0)
    return siren


def train(
    location_basis: Tensor,
    values: Tensor,
    settings: Settings,
    seed: int,
    report: Callable[[int, float, Siren, ImageHead], None],
) -> tuple[Siren, ImageHead]:
    """Fit both branches.

    Args:
        location_basis: (n, 1600) float32 spherical harmonics of the places.
        values: (n, 256) float32 visual values of the same places.
        settings: see there.
        seed: of initialisation, order, noise and dropout.
        report: called as (epoch, loss, location branch, image head) now and then.
    Returns:
        The location branch and the image head, in evaluation mode, float32.
    """
    torch.manual_seed(seed)
    location = new_location_branch(settings.first_init)
    head = ImageHead(values.std(dim=0), dropout=settings.dropout)
    logit_scale = nn.Parameter(torch.tensor(math.log(10.0)))
    first = list(location.layers[0].parameters())
    rest = [*location.layers[1:].parameters(), *location.last_layer.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(
        [
            {"params": first, "lr": settings.first_rate, "weight_decay": settings.weight_decay},
            {"params": rest, "lr": settings.rate, "weight_decay": settings.weight_decay},
            {"params": [logit_scale], "lr": settings.rate, "weight_decay": 0.0},
        ],
        betas=(0.9, 0.98),
    )
    steps = len(values) // settings.batch
    total = steps * settings.epochs
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        [group["lr"] for group in optimizer.param_groups],
        total_steps=total,
        pct_start=0.1,
        cycle_momentum=False,
    )
    limit = math.log(settings.logit_scale_limit)
    for epoch in range(1, settings.epochs + 1):
        location.train(), head.train()
        losses = 0.0
        for batch in torch.randperm(len(values))[: steps * settings.batch].split(settings.batch):
            place = F.normalize(location(location_basis[batch]), dim=1)
            image = F.normalize(head(values[batch], settings.noise), dim=1)
            logits = logit_scale.clamp(max=limit).exp() * place @ image.T
            target = torch.arange(len(batch))
            loss = (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            losses += loss.item()
        location.eval(), head.eval()
        if epoch % settings.report_every == 0 or epoch == settings.epochs:
            report(epoch, losses / steps, location, head)
    return location, head


def effective_neighbours(queries: Tensor, keys: Tensor, temperature: float = 12.0) -> float:
    """Median over queries of exp(entropy) of the softmax that RANGE+ retrieves with."""
    cosines = F.normalize(queries, dim=1) @ F.normalize(keys, dim=1).T
    logs = torch.log_softmax(temperature * cosines, dim=1)
    return torch.exp(-(logs.exp() * logs).sum(dim=1)).median().item()


def explained(queries: Tensor, keys: Tensor, values: Tensor, truth: Tensor, temperature: float = 12.0) -> float:
    """Share of the variance of `truth` that the retrieved average of `values` explains, as RANGE+ retrieves."""
    cosines = F.normalize(queries, dim=1) @ F.normalize(keys, dim=1).T
    retrieved = torch.softmax(temperature * cosines, dim=1) @ values
    return 1.0 - ((retrieved - truth).square().sum() / (truth - truth.mean(dim=0)).square().sum()).item()


def elapsed_minutes(since: float) -> float:
    """Minutes of wall clock since a time.perf_counter value."""
    return (time.perf_counter() - since) / 60.0

"""Contrastive training of a location encoder against what is seen at places: SatCLIP's objective (arXiv:2311.17179).

In a batch, every place must recognise its own values among all, and all values their own place. Beside this contrast,
linear layers on the location embedding may predict the values, and smooth functions of the place; they are thrown away.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rangegeo.databases.networks import ImageHead, degree_scales, harmonics_of, new_siren, radial_targets
from rangegeo.databases.ranks import Retrieval
from rangegeo.field.siren import Siren

BETAS = (0.9, 0.98)  # of AdamW
WARM = 0.1  # share of the steps in which rates rise
FIRST_TEMPERATURE = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the two branches are trained. The defaults are those of the embedded model.

    Attributes:
        degree: of the harmonics, SatCLIP's `legendre_polys`; the published checkpoints have 10 or 40.
        width, layers, dim: of the SIREN: units of a hidden layer, hidden layers, numbers of an embedding.
        decay: power of 1 / (1 + l) with which the first layer weighs harmonics of degree l; 0 for equal weights.
        epochs: passes over the places.
        batch: places in one contrast.
        first_rate: highest learning rate of the first layer, whose sine has a frequency of 30.
        rate: highest learning rate of all else.
        weight_decay: decoupled decay of the weights of both branches.
        noise: deviation of the noise that is added to values, in units of their deviation.
        dropout: share of hidden units of the image head that is dropped.
        contrast, regression, place: weights of the contrast, of the prediction of values, and of that of smooth
            functions of the place.
        functions: how many of these there are, and how sharp they are; see `radial_targets`.
        limit: upper bound of the learned inverse temperature. RANGE+ retrieves at 12: trained no colder than that, the
            cosines of different landscapes stay far apart.
        one_scale: whether values are divided by one common deviation; else each column by its own.
    """

    degree: int = 40
    width: int = 512
    layers: int = 2
    dim: int = 256
    decay: float = 1.0
    epochs: int = 24
    batch: int = 2048
    first_rate: float = 1e-4
    rate: float = 1e-3
    weight_decay: float = 3.0
    noise: float = 0.5
    dropout: float = 0.1
    contrast: float = 0.3
    regression: float = 1.0
    place: float = 1.0
    functions: tuple[tuple[int, float], ...] = ((256, 20.0), (1024, 120.0))
    limit: float = 12.0
    one_scale: bool = True


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Trained:
    """Both branches, in evaluation mode, float32, on the CPU.

    Attributes:
        siren: of the location encoder, with the decay folded into its first layer.
        head: from values to keys.
    """

    siren: Siren
    head: ImageHead


class Branches(nn.Module):
    """Both branches and the layers that are thrown away.

    Args:
        values: (n, v) of all places, for their scale.
        settings: see there.
    """

    scales: Tensor
    middle: Tensor

    def __init__(self, values: Tensor, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.siren = new_siren(settings.degree, settings.width, settings.layers, settings.dim)
        deviations = values.std(dim=0).clamp_min(1e-12)
        scale = deviations.square().mean().sqrt()[None] if settings.one_scale else deviations
        self.head = ImageHead(scale, values.shape[1], settings.dim, dropout=settings.dropout)
        self.log_temperature = nn.Parameter(torch.tensor(math.log(FIRST_TEMPERATURE), device="cpu"))
        self.to_values = nn.Linear(settings.dim, values.shape[1]) if settings.regression else None
        functions = sum(count for count, _ in settings.functions)
        self.to_place = nn.Linear(settings.dim, functions) if settings.place else None
        self.register_buffer("scales", degree_scales(settings.degree, settings.decay))
        self.register_buffer("middle", values.mean(dim=0))

    def location(self, harmonics: Tensor) -> Tensor:
        """(n, degree²) to (n, dim), not normalised."""
        return self.siren(harmonics * self.scales)

    def loss(self, harmonics: Tensor, values: Tensor, functions: Tensor | None) -> Tensor:
        """The loss of a batch."""
        settings = self.settings
        place = F.normalize(self.location(harmonics), dim=1)
        seen = F.normalize(self.head(values, settings.noise), dim=1)
        temperature = self.log_temperature.clamp(max=math.log(settings.limit)).exp()
        logits = temperature * place @ seen.T
        own = torch.arange(len(place), device=place.device)
        loss = settings.contrast * (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
        scaled = place * math.sqrt(settings.dim)  # numbers of size 1
        if self.to_values is not None:
            target = (values - self.middle) / self.head.value_std
            loss = loss + settings.regression * F.mse_loss(self.to_values(scaled), target)
        if self.to_place is not None and functions is not None:
            loss = loss + settings.place * F.mse_loss(self.to_place(scaled), functions)
        return loss

    def finished(self) -> Trained:
        """What is kept, with the decay folded in."""
        with torch.no_grad():
            self.siren.first.weight.mul_(self.scales)
            self.scales.fill_(1.0)
        return Trained(siren=self.siren.cpu().eval(), head=self.head.cpu().eval())

    def groups(self) -> list[dict]:
        """The parameters, with the rates and the decay of AdamW."""
        settings = self.settings
        first = list(self.siren.first.parameters())
        others = {*map(id, first), id(self.log_temperature)}
        rest = [parameter for parameter in self.parameters() if id(parameter) not in others]
        return [
            {"params": first, "lr": settings.first_rate, "weight_decay": settings.weight_decay},
            {"params": rest, "lr": settings.rate, "weight_decay": settings.weight_decay},
            {"params": [self.log_temperature], "lr": settings.rate, "weight_decay": 0.0},
        ]


def train(
    lonlat_deg: Tensor,
    values: Tensor,
    settings: Settings,
    *,
    seed: int = 0,
    device: str = "cpu",
    report: Callable[[int, float], object] = lambda epoch, loss: None,
) -> Trained:
    """Train both branches. The same seed gives the same weights on the same machine with as many threads.

    Args:
        lonlat_deg: (n, 2) places in degrees.
        values: (n, v) float32, what is seen there.
        settings: see there.
        seed: of initialisation, order, noise and dropout.
        device: of torch.
        report: is told of the number of each epoch, from 1 on, and of its mean loss.
    """
    with torch.random.fork_rng(devices=[device] if device.startswith("cuda") else []):
        torch.manual_seed(seed)
        branches = Branches(values, settings).to(device)
        harmonics = harmonics_of(lonlat_deg, settings.degree).to(device)
        functions = radial_targets(lonlat_deg, settings.functions).to(device) if settings.place else None
        values = values.to(device)
        batch = min(settings.batch, len(values))
        steps = len(values) // batch
        optimizer = torch.optim.AdamW(branches.groups(), betas=BETAS)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            [group["lr"] for group in optimizer.param_groups],
            total_steps=steps * settings.epochs,
            pct_start=WARM,
            cycle_momentum=False,
        )
        branches.train()
        for epoch in range(1, settings.epochs + 1):
            losses = 0.0
            for rows in _batches(len(values), batch):
                loss = branches.loss(harmonics[rows], values[rows], None if functions is None else functions[rows])
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
                schedule.step()
                losses += loss.item()
            report(epoch, losses / steps)
        return branches.finished()


def _batches(rows: int, batch: int) -> Iterator[Tensor]:
    """The rows of each step of an epoch, in random order; the last ones, too few for a batch, are left out."""
    yield from torch.randperm(rows)[: rows // batch * batch].split(batch)


@torch.inference_mode()
def retrieval_of(trained: Trained, lonlat_deg: Tensor, values: Tensor, degree: int) -> Retrieval:
    """How well places that were held out find their own values."""
    return Retrieval.measure(trained.siren(harmonics_of(lonlat_deg, degree)), trained.head(values))

"""Everything that is to be known of rangegeo on a GPU, from one command of under eight minutes, as one JSON document.

    PYTHONPATH=. python workflows/benchmark/gpu.py [--out gpu.json] [--seconds 480] [--device cuda:0] [--small]

It needs a checkout, torch, numpy and safetensors; nothing is installed or downloaded. Sections that need other packages
say so instead: {"skipped": "needs zarr"}. The most important sections come first, and a section that would not end in
time is skipped. The file is written anew after every step, so a run that is killed leaves what it has found. The exit
code is 0 if every result of the device agrees with the CPU and nothing failed, else 1.

`--device cpu --small` is a trial of the script itself.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from gpu_agreement import agreement
from gpu_blocks import blocks, pixels
from gpu_machine import Clock, Skipped, machine, memory
from gpu_rasters import cube, pca_raster, planet
from gpu_speed import nodes, precision, retrieval

Steps = Iterator[tuple[str, dict]]  # names and results, in the order in which they are found


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the document.

    Attributes:
        name: its key.
        steps: finds its results.
        seconds: about how long it takes at most, at full size on an H100 with sixteen cores.
    """

    name: str
    steps: Callable[[Clock], Steps]
    seconds: float


SECTIONS = (
    Section(name="machine", steps=machine, seconds=15),
    Section(name="agreement", steps=agreement, seconds=90),
    Section(name="retrieval", steps=retrieval, seconds=90),
    Section(name="nodes", steps=nodes, seconds=20),
    Section(name="precision", steps=precision, seconds=30),
    Section(name="blocks", steps=blocks, seconds=20),
    Section(name="pixels", steps=pixels, seconds=10),
    Section(name="pca_raster", steps=pca_raster, seconds=90),
    Section(name="cube", steps=cube, seconds=40),
    Section(name="planet", steps=planet, seconds=90),
)


@dataclass(slots=True)
class Document:
    """The results, which are kept in a file too.

    Attributes:
        out: the file; None for no file.
        found: the results so far.
    """

    out: Path | None
    found: dict = field(default_factory=dict)

    def save(self) -> None:
        """Write all results so far. A reader never sees half a file."""
        if self.out is not None:
            part = self.out.with_name(self.out.name + ".part")
            part.write_text(json.dumps(self.found, indent=1) + "\n", encoding="utf-8")
            part.replace(self.out)


def run(clock: Clock, document: Document, sections: tuple[Section, ...] = SECTIONS) -> bool:
    """Fill a document section by section; whether every check has passed and no section has failed."""
    good = True
    for section in sections:
        results = document.found[section.name] = {}
        print(f"{clock.passed():6.1f} s  {section.name}", file=sys.stderr, flush=True)
        needed = 0 if clock.small else section.seconds
        if clock.left() < needed:
            results["skipped"] = f"takes up to {needed:g} s, and {max(0, clock.left()):.0f} s are left"
            good &= section.steps is not agreement  # what was not checked has not passed
            document.save()
            continue
        started = time.perf_counter()
        try:
            for name, result in section.steps(clock):
                results[name] = result
                good &= result.get("passed", True)
                document.save()
        except Skipped as reason:
            results["skipped"] = str(reason)
        except Exception as error:  # the sections after it are worth as much
            results["failed"] = f"{type(error).__name__}: {error}"
            traceback.print_exc()
            good = False
        results["memory"] = memory(clock.device)
        results["seconds"] = round(time.perf_counter() - started, 2)
        document.save()
    return good


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("gpu.json"), help="the file that is kept up to date")
    parser.add_argument("--seconds", type=float, default=480, help="sections that would not end in time are skipped")
    parser.add_argument("--device", default="cuda:0", help="a torch device")
    parser.add_argument("--small", action="store_true", help="tiny sizes, as a trial of the script")
    parser.add_argument("--only", help="names of sections, separated by commas")
    arguments = parser.parse_args()
    chosen = SECTIONS
    if arguments.only:
        names = arguments.only.split(",")
        chosen = tuple(section for section in SECTIONS if section.name in names)
        if len(chosen) < len(names):
            parser.error(f"--only takes {', '.join(section.name for section in SECTIONS)}; got {arguments.only}")
    device = torch.device(arguments.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        parser.error("torch finds no CUDA device; to try the script give --device cpu --small")
    clock = Clock(device=device, small=arguments.small, seconds=arguments.seconds)
    document = Document(arguments.out)
    passed = run(clock, document, chosen)
    document.found |= {"passed": passed, "seconds": round(clock.passed(), 1), "finished": True}
    document.save()
    print(json.dumps(document.found, indent=1))
    sys.exit(not passed)


if __name__ == "__main__":
    main()

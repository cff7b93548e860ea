"""Temperatures of the published models, and their limits. This module imports no torch."""

from __future__ import annotations

GEOGRAPHIC_TEMPERATURE = 40.0  # RANGE+, mvrl/RANGE, range.py
HIGHEST_TEMPERATURE = 43.0  # exp(-2 · 43) is the smallest weight that float32 stores in full precision

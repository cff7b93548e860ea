"""Whole jobs, as the shell and the accessor start them: check, compute, write, measure."""

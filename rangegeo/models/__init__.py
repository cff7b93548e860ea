"""Location models: their specs, how they are loaded, and how they embed places.

`spec` is the small frozen value that workers receive instead of weights. `load` makes models from names and files, and
keeps those that this process has loaded. `model` embeds places; the engine uses nothing of it but its evaluator.
`parts` has what a planet stores of a model. `wrapping` makes models of a user's own encoders, and `temperatures` checks
what replaces the published temperatures. `neighbours` explains an embedding by database rows, `device` resolves names
of torch devices, and `dropin` has the interface of the PyPI package of the same name.
"""

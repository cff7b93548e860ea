"""Location models: their specs, how they are loaded, and what they answer.

`spec` is the small frozen value that travels to workers instead of weights. `load` makes models from names and files,
and keeps those that this process has loaded. `model` embeds places; it has an evaluator, which is all that the engine
knows of it. `neighbours` explains an embedding by database rows, `device` resolves torch devices, and `dropin` has
the interface of the PyPI package of the same name.
"""

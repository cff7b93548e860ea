"""Expressions of Python about a user's own encoders, whose messages say what to type."""

from __future__ import annotations

from helpers.hints import Row, Way

OWN = "rg.wrap(lambda a: a, name='f')"
PYTHON = (
    Row("no encoder", "rg.wrap(3)", (Way("source must be a function or a torch module", then=OWN),)),
    Row(
        "an encoder nowhere",
        "rg.wrap('nowhere')",
        (Way('source must be "package.module:name"', then="rg.wrap('numpy:negative')"),),
    ),
    Row(
        "an encoder that is a number",
        "rg.wrap('math:pi')",
        (Way("must be a function or a torch module", then="rg.wrap('numpy:negative')"),),
    ),
    Row("an encoder without a name", "rg.wrap(lambda a: a)", (Way(r"for example (?P<type>name=.*)$"),)),
    Row(
        "an encoder with a name of ours",
        "rg.wrap(lambda a: a, name='RANGE')",
        (Way("give another name", swap={"'RANGE'": "'mine'"}),),
    ),
    Row(
        "an order of no coordinates",
        "rg.wrap(lambda a: a, name='f', order='yx')",
        (Way("order must be lon,lat or lat,lon", swap={"'yx'": "'lat,lon'"}),),
    ),
    Row(
        "a smoothness below 0",
        "rg.wrap(lambda a: a, name='f', smooth_deg=-1)",
        (Way("for example smooth_deg=(?P<n>2)$", swap={"-1": "2"}),),
    ),
    Row(
        "a citation of nothing",
        "rg.wrap(lambda a: a, name='f', citation='me')",
        (Way("for example citation=(?P<n>.*)$", swap={"'me'": "'arXiv:2309.16020'"}),),
    ),
    Row(
        "an encoder of no bands",
        "rg.wrap(lambda a: np.tile(a, 32), name='f', dim=0)",
        (Way("for example dim=(?P<n>64)$", swap={"dim=0": "dim=64"}),),
    ),
    Row(
        "tensors are wanted",
        "rg.wrap(lambda a: a.unsqueeze(0)[0], name='f')",
        (Way("; (?P<type>tensors=True) gives it the other kind"),),
    ),
    Row(
        "an encoder changed and its version did not",
        "[rg.wrap(lambda a, by=by: a + by, name='f', version='1') for by in (0, 1)]",
        (
            Way(
                "give another version",
                then="[rg.wrap(lambda a, by=by: a + by, name='f', version=f'new {by}') for by in (0, 1)]",
            ),
        ),
    ),
    Row(
        "an encoder that cannot be sent",
        "__import__('pickle').dumps(rg.wrap(lambda a: a, name='f').spec)",
        (
            Way(
                r'wrap it by name: rangegeo\.wrap\("package\.module:name"\)',
                then="__import__('pickle').dumps(rg.wrap('numpy:negative').spec)",
            ),
        ),
    ),
)

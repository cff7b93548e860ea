"""Rows of messages about comparisons of encoders, see `helpers.hints`."""

from __future__ import annotations

from helpers.hint_files import MINI, text
from helpers.hints import Row, Way

OPTIONS = "block='300km', folds=2, seeds=1, baselines=False"
SCORE = f"rg.evaluate(labels, 'a', model=model, betas=0, {OPTIONS})"
TABLE = "lon,lat,a\n" + "".join(f"{number % 7},{40 + number % 9},{number % 5}\n" for number in range(60))

PYTHON = (
    Row(
        "no encoder",
        SCORE.replace("model=model", "model=[]"),
        (Way(r'for example (?P<type>model="RANGE\+")'),),
    ),
    Row(
        "an encoder twice",
        SCORE.replace("model=model", "model=[model, model]"),
        (Way("names RANGE. twice; leave one out", swap={"[model, model]": "[model]"}),),
    ),
    Row(
        "betas of encoders without",
        SCORE.replace("model=model", "model='Theory'"),
        (Way("(?P<drop>betas) needs a model with betas, and Theory has none; leave it out"),),
    ),
    Row(
        "a table without the targets",
        SCORE.replace("(labels,", "([labels, labels.rename(columns={'a': 'z'})],"),
        (Way("target must name one of lon, lat, z, c", swap={"'a', model": "['a', 'z'], model"}),),
    ),
    Row(
        "name of scores",
        SCORE + ".write('scores.txt')",
        (Way(r"must be a name that ends in \.md, \.csv, \.png", swap={".txt": ".md"}),),
    ),
)
SHELL = (
    Row(
        "no table to compare with",
        f"evaluate --target a --model RANGE+={MINI.split()[1]},{MINI.split()[3]} --block 300km --folds 2 --seeds 1",
        (
            Way(
                "a table of labels; give its path",
                then=f"evaluate t.csv --target a --model RANGE+={MINI.split()[1]},{MINI.split()[3]} --beta 0 "
                "--block 300km --folds 2 --seeds 1 --no-baselines",
            ),
        ),
        (text("t.csv", TABLE),),
    ),
)

"""Rows of messages about comparisons of encoders, see `helpers.hints`."""

from __future__ import annotations

from pathlib import Path

from helpers.hint_files import CKPT, MINI, text
from helpers.hints import Row, Way

OPTIONS = "block='300km', folds=2, seeds=1, baselines=False"
SCORE = f"rg.evaluate(labels, 'a', model=model, betas=0, {OPTIONS})"
TABLE = "lon,lat,a\n" + "".join(f"{number % 7},{40 + number % 9},{number % 5}\n" for number in range(60))

PYTHON = (
    Row(
        "an encoder of no name",
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
MODEL = "--model RANGE+={1},{3}".format(*MINI.split())
QUICK = f"{MODEL} --beta 0 --folds 2 --seeds 1 --no-baselines"
PLAIN = "--block 300km --folds 2 --seeds 1 --no-baselines"
CSP = Path(CKPT).parent / "csp_fmow_mini.pth.tar"
SUITE = f"evaluate --suite --places 200 {QUICK}"
BOARD = f"{SUITE} --task checkerboard"

SHELL = (
    Row(
        "no table to compare with",
        f"evaluate --target a --block 300km {QUICK}",
        (
            Way("a table of labels; give its path", then=f"evaluate t.csv --target a --block 300km {QUICK}"),
            Way("or --suite for public data", then=BOARD),
        ),
        (text("t.csv", TABLE),),
    ),
    Row(
        "a table beside the suite",
        BOARD.replace("evaluate", "evaluate t.csv"),
        (Way("leave out t.csv", then=BOARD),),
        (text("t.csv", TABLE),),
    ),
    Row("a target beside the suite", f"{BOARD} --target a", (Way("leave out (?P<drop>--target)"),)),
    Row(
        "a task without the suite",
        BOARD.replace("--suite ", ""),
        (
            Way("is for (?P<type>--suite); add it"),
            Way("or leave it out", then=f"evaluate t.csv --target a --block 300km {QUICK}"),
        ),
        (text("t.csv", TABLE),),
    ),
    Row(
        "models without weights",
        f"evaluate t.csv --target a --model all {PLAIN}",
        (
            Way(
                "CSP, .* left out; add --model [A-Za-z]+=FILE",
                then=f"evaluate t.csv --target a --model CSP={CSP} {PLAIN}",
            ),
        ),
        (text("t.csv", TABLE),),
        always=lambda patch: patch.setattr("rangegeo.evaluation.embedded.names_at_hand", lambda: ["Theory"]),
        ends=True,
    ),
    Row("a task that is none", f"{SUITE} --task wine", (Way("of koppen5, .*for example --task", then=BOARD),)),
    Row("few places of a task", BOARD.replace("200", "5"), (Way(r"for example (?P<type>--places \d+)"),)),
    Row("data that is not there", f"{SUITE} --task koppen5", (Way("or take (?P<type>--task checkerboard) alone"),)),
)

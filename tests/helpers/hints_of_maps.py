"""Rows of messages about labels and maps, see `helpers.hints`."""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely
from helpers.hints import Row, Way

FIT = "rg.fit_map({}, {!r}, model=model, block='300km', folds=2, seeds=1, baselines=False)"


def table() -> pd.DataFrame:
    """40 labels: a number, a class, a code, weights, and a number with a word in it."""
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "lon": random.uniform(0, 20, 40),
            "lat": random.uniform(40, 50, 40),
            "a": random.normal(size=40),
            "c": ["x", "y"] * 20,
            "code": np.arange(40) % 3,
            "w": 1.0,
            "text": ["tall", *map(str, range(39))],
        }
    )


def names() -> dict[str, object]:
    """The names that the expressions use."""
    import geopandas

    from rangegeo.evaluation import reading
    from rangegeo.picture.preview import preview

    squares = [shapely.box(0, 40, 1, 41), shapely.Point(5, 45)]
    mixed = geopandas.GeoDataFrame({"c": ["x", "y"]}, geometry=squares, crs=4326)
    return {"labels": table(), "mixed": mixed, "read_labels": reading.read_labels, "preview": preview}


def _two_maps() -> None:
    """Two files that say they are maps, on different grids."""
    import rangegeo as rg

    for west, name in ((5, "a.tif"), (6, "b.tif")):
        cube = rg.raster((west, 44, west + 1, 45), res=0.5, bands="1").isel(beta=0, drop=True)
        cube.assign_attrs(target=name).rangegeo.to_geotiff(name)


def _fit(frame: str = "labels", target: str = "a") -> str:
    return FIT.format(frame, target)


def _in_metres() -> None:
    """The labels in EPSG:3035, with columns of unusual names."""
    import geopandas

    frame = table()
    points = geopandas.GeoSeries(geopandas.points_from_xy(frame.lon, frame.lat), crs=4326).to_crs(3035)
    frame.assign(r=points.x, h=points.y).drop(columns=["lon", "lat"]).to_csv("m.csv", index=False)


def _areas() -> None:
    """An area, and places of a background."""
    import geopandas

    box = shapely.box(0, 40, 15, 50)
    geopandas.GeoSeries([box], crs=4326).to_file("area.gpkg")
    (table()[["lon", "lat"]] + 0.5).to_csv("places.csv", index=False)


SUITABLE = "rg.fit_map(labels, background=30, model=model, block='300km', folds=2, seeds=1, baselines=False)"
FAR_MAP = _fit() + ".raster((100, -10, 110, 0), 5)"
PYTHON = (
    Row(
        "columns of unusual names",
        _fit("'m.csv'").replace("model=", "labels_crs='EPSG:3035', model="),
        (Way('type (?P<names>lon="NAME", lat="NAME")', give={"lon": "'r'", "lat": "'h'"}),),
        (_in_metres,),
    ),
    Row(
        "labels in metres",
        _fit("'m.csv'").replace("model=", "lon='r', lat='h', model="),
        (Way("metres need labels_crs", give={"labels_crs": "'EPSG:3035'"}),),
        (_in_metres,),
    ),
    Row(
        "a CRS that is known",
        _fit("geoframe.set_geometry('geometry')").replace("model=", "labels_crs='EPSG:4326', model="),
        (Way("says its CRS; leave out (?P<drop>labels_crs)", gone=True),),
    ),
    Row(
        "options of files",
        _fit().replace("model=", "decimal=',', model="),
        (Way("(?P<drop>decimal) is for files.*leave it out"),),
    ),
    Row(
        "labels that contradict one another",
        _fit("pd.concat([labels, labels[:3].assign(a=9)])"),
        (Way("correct them in a copy", swap={"labels[:3].assign(a=9)": "labels[:3]"}),),
        ends=True,
    ),
    Row(
        "probabilities of numbers",
        _fit() + ".raster((5, 44, 6, 45), 0.5, probabilities=True)",
        (Way("(?P<drop>probabilities) is for classes.*leave it out"),),
    ),
    Row("a map far away", FAR_MAP, (Way("(?P<type>mask_unlike=True) leaves out"),), ends=True),
    Row(
        "a background in a box",
        SUITABLE,
        (Way('(?P<type>aoi="area.gpkg") draws them in the area'),),
        (_areas,),
        ends=True,
    ),
    Row(
        "labels outside the area",
        SUITABLE.replace("model=model", "aoi='area.gpkg', model=model"),
        (
            Way(
                '(?P<type>background="places.csv"), a table of your own, leaves none out',
                then=SUITABLE,
            ),
        ),
        (_areas,),
        ends=True,
    ),
    Row(
        "few labels in the area",
        SUITABLE.replace("model=model", "aoi=shapely.box(0, 40, 3, 43), model=model"),
        (
            Way("take a larger (?P<names>aoi)", swap={"3, 43": "30, 50"}),
            Way('(?P<type>background="places.csv"), a table of your own, which', then=SUITABLE),
        ),
        (_areas,),
    ),
    Row(
        "few places where it was found",
        SUITABLE.replace("labels,", "labels[:9],"),
        (Way("where something was found.*give more places", swap={"labels[:9]": "labels"}),),
    ),
    Row(
        "an area without random places",
        SUITABLE.replace("background=30", "background='places.csv', aoi='area.gpkg'"),
        (
            Way("(?P<drop>aoi) is where random places.*leave it out"),
            Way(r"type how many, for example (?P<type>background=\d+)"),
        ),
        (_areas,),
    ),
    Row("no labels", "read_labels(5, 'a')", (Way("must be a table with columns", swap={"5": "labels"}),)),
    Row(
        "no such target",
        "read_labels(labels, 'height')",
        (Way("there are lon, lat, (?P<made>a), c", then="read_labels(labels, '<made>')"),),
    ),
    Row(
        "no target",
        "read_labels(labels, [])",
        (Way("must name the column.*there are lon, lat, (?P<made>a), c", then="read_labels(labels, '<made>')"),),
    ),
    Row(
        "a target without values",
        "read_labels(labels.assign(a=float('nan')), 'a')",
        (Way("give another one", swap={"'a'": "'c'"}),),
    ),
    Row(
        "words among numbers",
        "read_labels(labels, 'text')",
        (
            Way("'tall' in row 1; correct it in a copy", swap={"(labels,": "(labels.replace('tall', '40'),"}),
            Way("or add (?P<type>classes=True)"),
        ),
    ),
    Row(
        "too many classes",
        "read_labels(pd.concat([labels] * 8).assign(c=[f'k{i}' for i in range(320)]), 'c')",
        (
            Way("choose another target", swap={"'c')": "'a')"}),
            Way("or join classes in a copy", swap={"{i}": "{i % 9}"}),
        ),
    ),
    Row("few labels", "read_labels(labels[:9], 'a')", (Way("give more places", swap={"[:9]": "[:20]"}),)),
    Row(
        "few different labels",
        "read_labels(pd.concat([labels[:9]] * 3), 'a')",
        (Way("without repetitions; give more places", swap={"[:9]": "[:20]"}),),
    ),
    Row(
        "one class",
        "read_labels(labels.assign(c='x'), 'c')",
        (
            Way("give places of other classes", swap={"'x'": "labels.c"}),
            Way(
                "or (?P<type>background=1000) for a map of suitability",
                then="rg.fit_map(labels.assign(c='x'), 'c', <type>, model=model, seeds=1, baselines=False)",
            ),
        ),
    ),
    Row(
        "one value",
        "read_labels(labels.assign(a=1), 'a')",
        (Way("a map needs different ones", swap={"=1": "=labels.a"}),),
    ),
    Row(
        "weights",
        "read_labels(labels.assign(w=-1), 'a', weight='w')",
        (Way("must be numbers from 0 on.*correct them in a copy", swap={"-1": "1"}),),
    ),
    Row(
        "weights beside a background",
        "rg.fit_map(labels, background=30, weight='w', model=model, seeds=1, baselines=False)",
        (Way("leave out (?P<drop>weight)"),),
    ),
    Row(
        "two things beside a background",
        "rg.fit_map(labels, 'c', background=30, model=model, seeds=1, baselines=False)",
        (Way("put the rows of one of them into a copy", swap={"(labels,": "(labels[labels.c == 'x'],"}),),
    ),
    Row(
        "few places of a background",
        "rg.fit_map(labels, background=5, model=model, seeds=1, baselines=False)",
        (Way(r"for example (?P<type>background=\d+)"),),
    ),
    Row(
        "a table with a few places of a background",
        "rg.fit_map(labels, background=labels[:5], model=model, seeds=1, baselines=False)",
        (Way("give more", swap={"labels[:5]": "labels[['lon', 'lat']] + 1"}),),
    ),
    Row(
        "no background",
        "rg.fit_map(labels, background=30, model=model, seeds=1, baselines=False)",
        (
            Way(
                r'give (?P<type>background=".*?"), a table',
                then="rg.fit_map(labels, <type>, model=model, seeds=1, baselines=False)",
            ),
        ),
        (lambda: (table()[["lon", "lat"]] + 1).to_csv("places.csv"),),
        patch=lambda patch: patch.setattr("rangegeo.evaluation.fitting.FAR", 0.0),
    ),
    Row(
        "points beside polygons",
        "read_labels(mixed, 'c')",
        (Way("give points alone, or polygons alone", swap={"mixed": "mixed[:1]"}, gone=True),),
    ),
    Row(
        "codes of classes",
        _fit(target="code"),
        (Way("if they are codes of classes, add (?P<type>classes=True)"),),
        ends=True,
    ),
    Row(
        "one label of a class",
        _fit("labels.replace({'c': {'x': 'z'}}).assign(c=lambda t: ['q', *t.c[1:]])", "c"),
        (Way("is never tested; give more labels", swap={"['q', *t.c[1:]]": "t.c"}),),
        ends=True,
    ),
    Row(
        "side of blocks",
        _fit().replace("300km", "300"),
        (Way(r"for example (?P<type>block=\S+)"),),
    ),
    Row(
        "all labels in one block",
        _fit().replace("300km", "100deg"),
        (Way(r"type smaller ones, for example (?P<type>block=\S+)$"),),
    ),
    Row(
        "all labels in one place",
        _fit("labels.assign(lon=5, lat=45)"),
        (Way("give labels of others", swap={"labels.assign(lon=5, lat=45)": "labels"}),),
    ),
    Row(
        "a class in one fold",
        _fit("labels.assign(c=np.where(labels.lon < labels.lon.quantile(0.2), 'x', 'y'))", "c").replace("300", "1900"),
        (
            Way('take smaller blocks, such as (?P<type>block="50km")'),
            Way("or give labels of more places", swap={".quantile(0.2)": ".mean()", "1900km": "300km"}),
        ),
    ),
    Row("folds", _fit().replace("folds=2", "folds=1"), (Way(r"for example (?P<type>folds=\d)"),)),
    Row("seeds", _fit().replace("seeds=1", "seeds=0"), (Way(r"for example (?P<type>seeds=\d)"),)),
    Row(
        "beta of a model without",
        "rg.fit_map(labels, 'a', model='Theory', beta=0, block='300km', folds=2, seeds=1, baselines=False)",
        (Way("betas needs a model with betas.*leave it out", swap={"beta=0, ": ""}),),
    ),
    Row(
        "several betas",
        "rg.fit_map(labels, 'a', model=model, beta=(0, 1), block='300km', folds=2, seeds=1, baselines=False)",
        (
            Way("must be one number", swap={"(0, 1)": "0.5"}),
            Way("leave it out to use S and G", swap={"beta=(0, 1), ": ""}),
        ),
    ),
    Row(
        "places at sea",
        _fit("labels.assign(lon=labels.lon - 160, lat=labels.lat * 0 - np.arange(40) / 10)"),
        (Way("probably at sea", then=_fit()),),
        patch=lambda patch: patch.setattr("rangegeo.evaluation.fitting.FAR", 0.1),
        ends=True,
    ),
    Row(
        "maps on two grids",
        "preview(['a.tif', 'b.tif'], 'm.png')",
        (Way("lie on different grids; draw each alone", swap={"'a.tif', ": ""}),),
        (_two_maps,),
    ),
    Row(
        "name of what was learned",
        _fit() + ".save('m.map')",
        (Way(r"must be a name that ends in \.npz", swap={"m.map": "m.npz"}),),
    ),
    Row(
        "name of a page",
        _fit() + ".report('m.pdf')",
        (Way(r'for example path="(?P<made>m\.html)"', then=_fit() + ".report('<made>')"),),
    ),
    Row(
        "a page about another cube",
        _fit() + ".report('m.html', rg.raster((5, 44, 6, 45), res=1, model=model))",
        (Way("leave it out for a page without a map", then=_fit() + ".report('m.html')"),),
    ),
    Row(
        "nothing was learned there",
        "rg.FittedMap.load('m.npz', model=model)",
        (
            Way(
                "expected a file that the save of a map wrote",
                then="rg.FittedMap.load(" + _fit() + ".save('m.npz'), model=model)",
            ),
        ),
    ),
    Row(
        "learned from another model",
        "rg.FittedMap.load(" + _fit() + ".save('m.npz'), model=satclip)",
        (Way("leave out model", then="rg.FittedMap.load(" + _fit() + ".save('m.npz'))"),),
    ),
)

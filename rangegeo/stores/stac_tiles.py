"""A STAC collection over a folder of tiles, with an item for each."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from rangegeo.schema.cube import geobox_of
from rangegeo.schema.facts import facts_of
from rangegeo.stores.opening import open_cube
from rangegeo.stores.stac import footprint, item_path, make_item
from rangegeo.stores.tiles import TILES
from rangegeo.support.location import Location
from rangegeo.support.unfinished import unfinished

COLLECTION = "collection.json"


def write_collection(folder: Location, *, now: datetime | None = None) -> Location:
    """Write collection.json into a folder of tiles, and an item beside each tile. All addresses are relative.

    Args:
        folder: from `rangegeo.stores.tiles.write_tiles`.
        now: the time when the tiles were made; by default this moment.
    Returns:
        The path of the collection.
    Raises:
        MissingPackage: pystac or antimeridian is not installed.
    """
    import pystac

    assert isinstance(folder, Path)  # of this machine, as `write_tiles` makes it

    made, vrts = now or datetime.now(UTC), sorted(folder.glob("*.vrt"))
    cube = open_cube(vrts[0])
    _, bbox = footprint(geobox_of(cube))
    extent = pystac.Extent(pystac.SpatialExtent([bbox]), pystac.TemporalExtent([[made, made]]))
    title = str(facts_of(cube).get("long_name", folder.name))
    collection = pystac.Collection(folder.name, f"{title}, in tiles", extent, title=title, license="other")
    for vrt in vrts:
        collection.add_asset(vrt.stem, pystac.Asset(f"./{vrt.name}", "all tiles as one raster", roles=["data"]))
    for tile in sorted((folder / TILES).glob("*.tif")):
        item = make_item(tile, made)
        item.collection_id = collection.id
        for relation in ("collection", "parent", "root"):
            item.add_link(pystac.Link(relation, f"../{COLLECTION}", pystac.MediaType.JSON))
        _write(item_path(tile), item.to_dict(include_self_link=False, transform_hrefs=False))
        address = f"./{TILES}/{item_path(tile).name}"
        collection.add_link(pystac.Link("item", address, pystac.MediaType.GEOJSON))
    _write(folder / COLLECTION, collection.to_dict(include_self_link=False, transform_hrefs=False))
    return folder / COLLECTION


def _write(path: Location, told: dict) -> None:
    with unfinished(path) as draft:
        draft.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")

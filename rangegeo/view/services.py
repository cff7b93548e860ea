"""What tells other programs of the tiles: TileJSON, and WMTS for QGIS and ArcGIS."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from rangegeo.errors import UsageError
from rangegeo.support.text import printable
from rangegeo.view.sources import Source
from rangegeo.view.tile import HALF, MOST_ZOOM, SIDE

METRES_A_PIXEL = 0.28e-3  # of a screen, by which WMTS measures scales
TEMPLATE = "tiles/{z}/{x}/{y}.png"
REQUESTS = ("GetCapabilities", "GetTile")
OF_TILE = ("tilematrix", "tilecol", "tilerow")  # names in the address of a tile
LAYER, STYLE, FORMAT, MATRICES = "embedding", "default", "image/png", "GoogleMapsCompatible"


def tilejson(source: Source, root: str, query: str) -> dict[str, object]:
    """The tiles as TileJSON 3.0.0.

    Args:
        root: the address of the server, which ends in a slash.
        query: of each tile, such as "?beta=0.5".
    """
    west, south, east, north = source.bounds
    return {
        "tilejson": "3.0.0",
        "name": source.about.name,
        "description": source.about.told,
        "attribution": source.about.citation,
        "scheme": "xyz",
        "tiles": [f"{root}{TEMPLATE}{query}"],
        "minzoom": 0,
        "maxzoom": MOST_ZOOM,
        "bounds": [max(west, -180.0), south, min(east, 180.0), north],
    }


def wmts_request(asked: dict[str, str]) -> str:
    """Which of `REQUESTS` an address of WMTS by names and values makes; the first if it does not say.

    Args:
        asked: values by names in lower case. A name that is left out stands for the only value that it can have.
    Raises:
        UsageError: it asks for what is not here, such as another layer.
    """
    requests = {name.lower(): name for name in REQUESTS}
    request = asked.get("request", REQUESTS[0])
    if request.lower() not in requests:
        raise UsageError(f"request must be {' or '.join(REQUESTS)}, got {request[:40]!r}")
    known: dict[str, tuple[str, ...]] = {"service": ("WMTS",)}
    if requests[request.lower()] == "GetTile":
        known |= {"layer": (LAYER,), "style": (STYLE, ""), "format": (FORMAT,), "tilematrixset": (MATRICES,)}
    for name, values in known.items():
        given = asked.get(name, values[0])
        if given.lower() not in [value.lower() for value in values]:
            raise UsageError(f"{name} must be {values[0]}, got {given[:40]!r}")
    return requests[request.lower()]


def exception_report(error: Exception, asked: dict[str, str]) -> str:
    """An error of WMTS, as clients read it.

    Args:
        asked: as of `wmts_request`.
    Source: OGC 06-121r3, section 8.
    """
    is_tile = asked.get("request", "").lower() == "gettile"
    code = "InvalidParameterValue" if isinstance(error, UsageError) else "NoApplicableCode"
    if is_tile and not asked.keys() >= set(OF_TILE):
        code = "MissingParameterValue"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<ows:ExceptionReport xmlns:ows="http://www.opengis.net/ows/1.1" version="1.1.0" xml:lang="en">'
        f'<ows:Exception exceptionCode="{code}"><ows:ExceptionText>{escape(printable(str(error)))}</ows:ExceptionText>'
        "</ows:Exception></ows:ExceptionReport>"
    )


def capabilities(source: Source, root: str) -> str:
    """The tiles as a WMTS 1.0.0: one layer, whose dimension is beta."""
    betas = source.layers.betas or (0.5,)
    usual = (betas[0] + betas[-1]) / 2
    values = sorted({betas[0] + (betas[-1] - betas[0]) * step / 20 for step in range(21)})
    west, south, east, north = source.bounds
    name = escape(source.about.name)
    template = f"{root}{TEMPLATE}".format(z="{TileMatrix}", x="{TileCol}", y="{TileRow}") + "?beta={beta}"
    operations = "".join(
        f'<ows:Operation name="{operation}"><ows:DCP><ows:HTTP><ows:Get xlink:href={quoteattr(root + "wmts?")}>'
        '<ows:Constraint name="GetEncoding"><ows:AllowedValues><ows:Value>KVP</ows:Value></ows:AllowedValues>'
        "</ows:Constraint></ows:Get></ows:HTTP></ows:DCP></ows:Operation>"
        for operation in REQUESTS
    )
    matrices = "".join(
        f"<TileMatrix><ows:Identifier>{zoom}</ows:Identifier>"
        f"<ScaleDenominator>{2 * HALF / SIDE / 2**zoom / METRES_A_PIXEL!r}</ScaleDenominator>"
        f"<TopLeftCorner>{-HALF!r} {HALF!r}</TopLeftCorner><TileWidth>{SIDE}</TileWidth><TileHeight>{SIDE}</TileHeight>"
        f"<MatrixWidth>{2**zoom}</MatrixWidth><MatrixHeight>{2**zoom}</MatrixHeight></TileMatrix>"
        for zoom in range(MOST_ZOOM + 1)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<Capabilities xmlns="http://www.opengis.net/wmts/1.0" xmlns:ows="http://www.opengis.net/ows/1.1" '
        'xmlns:xlink="http://www.w3.org/1999/xlink" version="1.0.0">'
        f"<ows:ServiceIdentification><ows:Title>rangegeo: {name}</ows:Title><ows:ServiceType>OGC WMTS</ows:ServiceType>"
        "<ows:ServiceTypeVersion>1.0.0</ows:ServiceTypeVersion></ows:ServiceIdentification>"
        f"<ows:OperationsMetadata>{operations}</ows:OperationsMetadata>"
        f"<Contents><Layer><ows:Title>{name}</ows:Title><ows:Abstract>{escape(source.about.told)}</ows:Abstract>"
        f"<ows:WGS84BoundingBox><ows:LowerCorner>{max(west, -180.0)} {south}</ows:LowerCorner>"
        f"<ows:UpperCorner>{min(east, 180.0)} {north}</ows:UpperCorner></ows:WGS84BoundingBox>"
        f"<ows:Identifier>{LAYER}</ows:Identifier>"
        f'<Style isDefault="true"><ows:Identifier>{STYLE}</ows:Identifier></Style><Format>{FORMAT}</Format>'
        f"<Dimension><ows:Identifier>beta</ows:Identifier><Default>{usual:g}</Default>"
        f"{''.join(f'<Value>{value:g}</Value>' for value in values)}</Dimension>"
        f"<TileMatrixSetLink><TileMatrixSet>{MATRICES}</TileMatrixSet></TileMatrixSetLink>"
        f'<ResourceURL format="image/png" resourceType="tile" template={quoteattr(template)}/></Layer>'
        f"<TileMatrixSet><ows:Identifier>{MATRICES}</ows:Identifier>"
        "<ows:SupportedCRS>urn:ogc:def:crs:EPSG::3857</ows:SupportedCRS>"
        "<WellKnownScaleSet>urn:ogc:def:wkss:OGC:1.0:GoogleMapsCompatible</WellKnownScaleSet>"
        f"{matrices}</TileMatrixSet></Contents>"
        f"<ServiceMetadataURL xlink:href={quoteattr(root + 'wmts/1.0.0/WMTSCapabilities.xml')}/></Capabilities>"
    )

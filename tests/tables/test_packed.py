"""Text tables in compressed files and archives are read as if they were unpacked, and never by GDAL."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from pathlib import Path

import geopandas as gpd
import pytest
from shapely.geometry import Point

from rangegeo.errors import TableError, UsageError
from rangegeo.tables.dialect import TextOptions
from rangegeo.tables.opening import open_table

# GDAL's driver for CSV makes one row of lines 2 and 3.
GBIF = (
    "gbifID\tlocality\tdecimalLatitude\tdecimalLongitude\n"
    '1\t"Old mill\t45.035\t6.405\n2\tridge"\t45.52\t7.27\n3\tlake\t45.1\t6.1\n'
)
META = """<archive xmlns="http://rs.tdwg.org/dwc/text/"><core encoding="{encoding}" fieldsTerminatedBy="{delimiter}"
  linesTerminatedBy="\\n" fieldsEnclosedBy="{enclosed}" ignoreHeaderLines="{header}"
  rowType="http://rs.tdwg.org/dwc/terms/Occurrence"><files><location>occurrence.txt</location></files></core>
  <extension><files><location>multimedia.txt</location></files></extension></archive>"""


def archive(path: Path, **members: str | bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return path


def meta(encoding: str = "UTF-8", delimiter: str = "\\t", enclosed: str = "", header: int = 1) -> str:
    return META.format(encoding=encoding, delimiter=delimiter, enclosed=enclosed, header=header)


def rows(path: Path, **options: str) -> list[dict]:
    table = open_table(str(path), path.parent, text=TextOptions(**options))
    return [row for block in table.read(None, 2) for row in block.columns.to_pylist()]


def ids(path: Path, **options: str) -> list[str]:
    return [row["gbifID"] for row in rows(path, **options)]


def refused(path: Path, kind: str | None = None) -> str:
    with pytest.raises((TableError, UsageError)) as caught:
        open_table(str(path), path.parent, kind=kind)
    return str(caught.value).replace(str(path.parent) + "/", "")


@pytest.mark.parametrize("name", ["0001.zip", "X.ZIP", "t.csv.zip"])
def test_a_zip_with_one_table_loses_no_row(tmp_path, name):
    path = archive(tmp_path / name, **{"0001-simple.csv": GBIF, "__MACOSX/._0001.csv": b"\0\1"})
    assert ids(path) == ["1", "2", "3"]
    assert rows(path)[0]["locality"] == '"Old mill'
    assert ids(path, quoting="none", delimiter="tab", encoding="utf-8") == ["1", "2", "3"]
    assert open_table(str(path), tmp_path).name.endswith(f"{name}/0001-simple.csv")


def test_a_zip_on_standard_input(tmp_path, monkeypatch):
    path = archive(tmp_path / "t.zip", **{"t.csv": GBIF})
    (tmp_path / "work").mkdir()

    class Piped:
        buffer = io.BytesIO(path.read_bytes())

        def isatty(self) -> bool:
            return False

    monkeypatch.setattr("sys.stdin", Piped())
    table = open_table("-", tmp_path / "work")
    assert sum(len(block) for block in table.read(None, 9)) == 3


def test_other_encodings_in_a_zip_are_named_and_can_be_typed(tmp_path):
    path = archive(tmp_path / "t.zip", **{"t.csv": "ort,lon,lat\nZürich,8.5,47.4\n".encode("latin-1")})
    table = open_table(str(path), tmp_path, text=TextOptions(encoding="latin-1"))
    assert [row["ort"] for block in table.read(None, 9) for row in block.columns.to_pylist()] == ["Zürich"]
    with pytest.raises(TableError, match=r"zip/t\.csv is not UTF-8 text .* type its encoding, for example .*latin-1"):
        open_table(str(path), tmp_path)


def test_a_darwin_core_archive_gives_its_core(tmp_path):
    others = {"multimedia.txt": "gbifID\tx\n", "rights/r.txt": "all", "citations.txt": "c", "metadata.xml": "<x/>"}
    path = archive(tmp_path / "dwca.zip", **{"occurrence.txt": GBIF, "meta.xml": meta(), **others})
    assert ids(path) == ["1", "2", "3"]
    table = 'gbifID;locality;lon;lat\n1;"a;ü";5;45\n'.encode("latin-1")
    path = archive(
        tmp_path / "o.zip", **{"occurrence.txt": table, "meta.xml": meta("latin-1", ";", "&quot;"), **others}
    )
    assert rows(path) == [{"gbifID": "1", "locality": "a;ü", "lon": "5", "lat": "45"}]
    path = archive(tmp_path / "headless.zip", **{"occurrence.txt": GBIF, "meta.xml": meta(header=0)})
    assert refused(path) == "headless.zip/occurrence.txt has no line of column names; unzip it and add one"
    path = archive(tmp_path / "vague.zip", **{"occurrence.txt": GBIF, "meta.xml": "<archive/>", "rights.txt": "r"})
    assert ids(path) == ["1", "2", "3"]
    path = archive(tmp_path / "broken.zip", **{"occurrence.txt": GBIF, "meta.xml": "<archive>"})
    assert refused(path).startswith("broken.zip/meta.xml does not describe a Darwin Core archive: ")


def test_several_candidates_are_named(tmp_path):
    path = archive(tmp_path / "t.zip", **{"a.csv": GBIF, "b/c.txt": GBIF})
    assert refused(path) == "t.zip holds a.csv, b/c.txt; unzip it and give one of them"
    path = archive(tmp_path / "v.zip", **{"a.csv": GBIF, "b.geojson": "{}"})
    assert refused(path) == "v.zip holds b.geojson, a.csv; unzip it and give one of them"


def test_what_holds_no_table(tmp_path):
    assert refused(archive(tmp_path / "e.zip"), "gpkg").startswith("e.zip cannot be read: ")
    book = archive(tmp_path / "t.csv", **{"[Content_Types].xml": "<x/>", "xl/workbook.xml": "<x/>"})
    assert refused(book) == "t.csv is a workbook of Excel and no text; save it as .csv"
    assert "holds no text table (.csv, .tsv, .txt) but a.png; unzip" in refused(
        archive(tmp_path / "p.csv", **{"a.png": "x"})
    )
    whole = archive(tmp_path / "t.zip", **{"t.csv": GBIF * 99}).read_bytes()
    (tmp_path / "half.zip").write_bytes(whole[: len(whole) // 2])
    assert refused(tmp_path / "half.zip").startswith("half.zip cannot be read: ")


def test_zipped_vector_files_are_still_read(tmp_path):
    frame = gpd.GeoDataFrame({"id": [1]}, geometry=[Point(5, 45)], crs=4326)
    frame.to_file(tmp_path / "s.shp")
    files = {f"s{suffix}": (tmp_path / f"s{suffix}").read_bytes() for suffix in (".shp", ".shx", ".dbf", ".prj")}
    path = archive(tmp_path / "s.zip", **files, **{"readme.txt": "about"})
    table = open_table(str(path), tmp_path)
    assert table.geometry is not None
    assert sum(len(block) for block in table.read(None, 9)) == 1


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("occurrence.txt.gz", gzip.compress),
        ("S.CSV.GZ", gzip.compress),
        ("t.tsv.bz2", bz2.compress),
        ("t.csv.xz", lzma.compress),
        ("t.csv", gzip.compress),
        ("t.psv", bytes),
    ],
)
def test_compressed_text(tmp_path, name, pack):
    (tmp_path / name).write_bytes(pack(GBIF.encode()))
    assert ids(tmp_path / name) == ["1", "2", "3"]


def test_what_is_packed_otherwise_is_to_be_unpacked(tmp_path):
    (tmp_path / "t.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(99))
    assert refused(tmp_path / "t.7z").endswith("unpack it first")


@pytest.mark.parametrize("deep", [False, True])
def test_no_vrt_brings_a_text_table_to_gdal(tmp_path, deep):
    (tmp_path / "t.csv").write_text(GBIF)
    vrt = (
        '<OGRVRTDataSource><OGRVRTLayer name="{0}"><SrcDataSource relativeToVRT="1">{0}.{1}</SrcDataSource>'
        "</OGRVRTLayer></OGRVRTDataSource>"
    )
    (tmp_path / "t.vrt").write_text(vrt.format("t", "csv"))
    (tmp_path / "outer.vrt").write_text(vrt.format("t", "vrt"))
    path = tmp_path / ("outer.vrt" if deep else "t.vrt")
    assert "is or names a text table, which GDAL does not read without loss" in refused(path)
    gpd.GeoDataFrame({"id": [1]}, geometry=[Point(5, 45)], crs=4326).to_file(tmp_path / "g.gpkg", layer="g")
    (tmp_path / "g.vrt").write_text(vrt.format("g", "gpkg"))
    assert open_table(str(tmp_path / "g.vrt"), tmp_path).geometry is not None

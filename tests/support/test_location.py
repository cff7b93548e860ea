"""What users give becomes a path or an address, and nothing that looks like an address becomes a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from rangegeo.errors import OutputError, UsageError
from rangegeo.support.address import Address
from rangegeo.support.destination import check_destination
from rangegeo.support.location import check_local, checked_options, located

WRONG = ["ftp://h/a", "s4://b/a", "file:///a", "s3:/b/a", "s3:b/a", "s3//b/a", "http//h/a", "HTTPS:/h/a"]


@pytest.mark.parametrize("given", ["s3://b/d/a.zarr", "S3://b/d/a.zarr", "s3://b//d/a.zarr/"])
def test_an_address_names_a_bucket_and_a_key(given):
    address = located(given, {"region": "eu-central-1"})
    assert isinstance(address, Address)
    assert (str(address), address.name, address.stem, address.suffix) == ("s3://b/d/a.zarr", "a.zarr", "a", ".zarr")
    assert str(address.with_name("b.tif")) == "s3://b/d/b.tif"
    assert str(address.parent.parent / "c") == "s3://b/c"
    assert located(address) is address


@pytest.mark.parametrize("given", WRONG)
def test_what_looks_like_an_address_is_no_path(tmp_path, monkeypatch, given):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"is no address that rangegeo knows; expected s3://, gs://, .*, or a path"):
        located(given)
    with pytest.raises(UsageError, match="is an address, and only files of this machine can be used here; give a path"):
        check_local(given)
    if ":" in given:
        with pytest.raises(UsageError, match="is an address"):
            check_destination(Path(given), 0, overwrite=False)
    assert not list(tmp_path.iterdir())


def test_a_path_drops_a_slash_of_an_address():
    with pytest.raises(
        UsageError, match=r"^s3:/b/a.zarr has lost a slash, for it is a Path; give the address as text$"
    ):
        located(Path("s3://b/a.zarr"))


@pytest.mark.parametrize("given", ["s3:/b/a.zarr", "http//h/a.zarr", "./s4://b/a.zarr"])
def test_a_folder_of_such_a_name_is_a_folder_if_it_is_there(tmp_path, monkeypatch, given):
    monkeypatch.chdir(tmp_path)
    Path(given).parent.mkdir(parents=True)
    assert located(given) == Path(given)


@pytest.mark.parametrize("given", ["a.zarr", "C:/a.zarr", r"C:\a.zarr", "a::b.zarr", "a:1.tif", "2026-01T00:00.zarr"])
def test_other_names_are_paths(given):
    assert located(given) == Path(given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("s3://name:hidden@b/a.zarr", "the address s3://… holds a name or a password"),
        ("https://h/a.zarr?token=hidden&b", "the address https://h/a.zarr?token=…&b must end before ? or #; give"),
        ("s3:///a.zarr", "s3:///a.zarr names no bucket; an address is such as s3://bucket/alps.zarr"),
        ("s3://b/../a.zarr", "names no bucket"),
        ("ftp://name:hidden@h/a.zarr?t=hidden", "ftp://…@h/a.zarr?t=… is no address"),
    ],
)
def test_an_address_with_more_than_a_place_is_refused_without_showing_it(given, said):
    with pytest.raises(UsageError) as caught:
        located(given)
    assert said in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_options_are_texts():
    assert checked_options({"Region": "x", "skip_signature": True, "n": 3}) == {
        "region": "x",
        "skip_signature": "true",
        "n": "3",
    }
    for wrong in (["region=x"], {"region": None}, {1: "x"}):
        with pytest.raises(UsageError, match="storage_options must be a dictionary of names and texts"):
            checked_options(wrong)


def test_a_web_server_and_a_whole_bucket_are_no_outputs():
    with pytest.raises(OutputError, match="https://h is a web server, which is only read; write to s3://, gs://"):
        check_destination(located("https://h/a.zarr"), 0, overwrite=False)
    with pytest.raises(OutputError, match="memory://all is a whole bucket; give another path, such as memory://all/"):
        check_destination(located("memory://all"), 0, overwrite=False)

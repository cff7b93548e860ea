"""RANGE databases: which load, which are refused with what message, and that nothing in them is unpickled."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Callable

import numpy as np
import pytest
import torch
from helpers.malice import Touch
from oracles import golden
from safetensors.torch import save_file

from rangegeo.errors import WeightsError
from rangegeo.field.geographic import fold
from rangegeo.weights import cache as files
from rangegeo.weights.database import load_database, read_database

ARRAYS = ("locs", "satclip_embeddings", "image_embeddings")


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    """The arrays of a database in the published layout, for tests to damage."""
    return {name: array[:50].copy() for name, array in golden.load("range_db_mini").items() if name in ARRAYS}


@pytest.fixture
def refusal(arrays, tmp_path) -> Callable[[], str]:
    """Save the arrays in their present state, and return the one line with which they are refused."""

    def refuse() -> str:
        path = tmp_path / "spoilt.npz"
        np.savez(path, **arrays)
        with pytest.raises(WeightsError) as caught:
            read_database(path)
        message = str(caught.value)
        assert message.startswith(str(path))
        assert "\n" not in message
        return message.removeprefix(str(path))

    return refuse


def test_published_layout_loads():
    database = load_database(golden.GOLDEN / "range_db_mini.npz")
    raw = golden.load("range_db_mini")
    assert {name: (tuple(t.shape), t.dtype) for name, t in database.tensors.items()} == {
        "locs": ((500, 2), torch.float32),
        "keys": ((500, 16), torch.float32),
        "values": ((500, 24), torch.float32),
        "folded": (tuple(database.tensors["folded"].shape), torch.float64),
    }
    np.testing.assert_array_equal(database.tensors["locs"], raw["locs"].astype(np.float32))
    np.testing.assert_array_equal(database.tensors["values"], raw["image_embeddings"].astype(np.float32))
    np.testing.assert_allclose(database.tensors["keys"], golden.normalised(raw["satclip_embeddings"]), atol=2e-7)
    expected = fold(database.tensors["locs"], database.tensors["values"], 40.0)
    torch.testing.assert_close(database.tensors["folded"], expected, rtol=1e-12, atol=1e-12)
    assert database.facts == {
        "file": "range_db_mini.npz",
        "sha256": files.file_sha256(golden.GOLDEN / "range_db_mini.npz"),
        "rows": 500,
    }


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4"])
def test_any_floating_point_dtype_loads(arrays, tmp_path, dtype):
    np.savez_compressed(tmp_path / "typed.npz", **{name: array.astype(dtype) for name, array in arrays.items()})
    tensors = read_database(tmp_path / "typed.npz").tensors
    assert {tensors[name].dtype for name in ("locs", "keys", "values")} == {torch.float32}
    np.testing.assert_array_equal(tensors["values"], arrays["image_embeddings"].astype(dtype).astype(np.float32))


def test_the_embedded_form_loads_and_says_the_same(tmp_path):
    published = read_database(golden.GOLDEN / "range_db_mini.npz")
    own = {name: published.tensors[name] for name in ("locs", "keys", "values")}
    save_file(own, tmp_path / "own.safetensors")
    again = load_database(tmp_path / "own.safetensors")
    assert again.facts["rows"] == 500
    for name, tensor in published.tensors.items():
        torch.testing.assert_close(again.tensors[name], tensor, rtol=1e-6, atol=1e-7)
    del own["keys"]
    save_file(own, tmp_path / "less.safetensors")
    with pytest.raises(WeightsError, match=r"less\.safetensors lacks the array 'keys'; expected locs, keys, values"):
        load_database(tmp_path / "less.safetensors")


# ------------------------------------------------------------------------------------------- what is wrong


@pytest.mark.parametrize("name", ARRAYS)
def test_a_missing_array_is_named(arrays, refusal, name):
    del arrays[name]
    assert refusal() == f" lacks the array '{name}'; expected locs, satclip_embeddings, image_embeddings"


@pytest.mark.parametrize("name", ARRAYS)
def test_a_wrong_number_of_dimensions_is_named(arrays, refusal, name):
    arrays[name] = arrays[name][:, 0]
    assert refusal() == f": {name} must be two-dimensional, got shape (50,)"
    arrays[name] = np.zeros((50, 3, 4))
    assert refusal() == f": {name} must be two-dimensional, got shape (50, 3, 4)"


def test_locs_of_three_columns_are_refused(arrays, refusal):
    arrays["locs"] = np.zeros((50, 3))
    assert refusal() == ": locs must have shape (50, 2), got (50, 3)"


@pytest.mark.parametrize("name", ARRAYS[1:])
def test_another_number_of_rows_is_named(arrays, refusal, name):
    width = arrays[name].shape[1]
    arrays[name] = arrays[name][:-1]
    assert refusal() == f": {name} must have shape (50, {width}), got (49, {width})"


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool", "complex128", "U5"])
def test_another_dtype_is_named(arrays, refusal, name, dtype):
    arrays[name] = arrays[name].astype(dtype)
    assert refusal() == f": {name} must hold floating-point numbers, got {np.dtype(dtype)}"


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_named(arrays, refusal, name, bad):
    arrays[name][-1, -1] = bad
    assert refusal() == f": {name} has NaN or infinite values"


def test_values_beyond_float32_are_refused(arrays, refusal):
    arrays["image_embeddings"][3, 3] = 1e39
    assert refusal() == ": image_embeddings has NaN or infinite values"


def test_a_zero_key_is_named_by_its_row(arrays, refusal):
    arrays["satclip_embeddings"][[7, 30]] = 0
    assert refusal() == ": satclip_embeddings row 7 is a zero vector, which has no direction"


@pytest.mark.parametrize(
    ("place", "shown"),
    [((0, 90.5), "got values up to 178.5, 90.5"), ((361, 0), "got values up to 361, "), ((0, -91), ", 91")],
)
def test_places_beyond_the_globe_are_refused(arrays, refusal, place, shown):
    arrays["locs"][:] = (178.5, 12.25)
    arrays["locs"][11] = place
    message = refusal()
    assert message.startswith(": locs must be longitude, latitude in degrees, got values up to ")
    assert shown in message


def test_places_in_the_wrong_order_are_refused(arrays, refusal):
    arrays["locs"] = arrays["locs"][:, ::-1]
    assert refusal().startswith(": locs must be longitude, latitude in degrees, got values up to 90, 180")


def test_an_empty_database_is_refused(arrays, refusal):
    for name in ARRAYS:
        arrays[name] = arrays[name][:0]
    assert refusal() == " has no rows"


@pytest.mark.parametrize("name", ARRAYS[1:])
def test_arrays_without_columns_are_refused(arrays, refusal, name):
    arrays[name] = arrays[name][:, :0]
    assert refusal() == f": {name} has no columns"


# ------------------------------------------------------------------------------------------- hostile and broken

REFUSED = "was refused as a RANGE database: it holds pickled objects, which are never opened"


@pytest.mark.parametrize("name", ARRAYS)
def test_a_malicious_array_is_refused_and_never_unpickled(arrays, refusal, tmp_path, name):
    witness = tmp_path / "executed"
    arrays[name] = np.array([[Touch(witness)]], dtype=object)
    assert REFUSED in refusal()
    assert not witness.exists()


def test_an_array_that_is_not_asked_for_is_not_opened(arrays, tmp_path):
    np.savez(tmp_path / "extra.npz", **arrays, extra=np.array([Touch(tmp_path / "executed")], dtype=object))
    assert read_database(tmp_path / "extra.npz").facts["rows"] == 50
    assert not (tmp_path / "executed").exists()


def test_a_bare_pickle_is_refused_and_never_executed(tmp_path):
    path = tmp_path / "malicious.npz"
    path.write_bytes(pickle.dumps(Touch(tmp_path / "executed")))
    with pytest.raises(WeightsError, match=REFUSED):
        load_database(path)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (
            b"II*\0" + bytes(99),
            r"is a raster and no database; build one of it with rangegeo\.build_database and",
        ),
        (
            b"lon,lat\n5,45\n",
            r"was refused as a RANGE database: it is neither \.npz nor \.safetensors; expected",
        ),
    ],
)
def test_other_files_are_not_said_to_hold_pickles(content, told, tmp_path):
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(WeightsError, match=told):
        load_database(tmp_path / "a.tif")


def test_a_pickle_in_place_of_an_array_file_is_refused_and_never_executed(arrays, tmp_path):
    path = tmp_path / "malicious.npz"
    np.savez(path, **{name: arrays[name] for name in ARRAYS[1:]})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("locs.npy", pickle.dumps(Touch(tmp_path / "executed")))
    with pytest.raises(WeightsError, match=r"malicious\.npz"):
        load_database(path)
    assert not (tmp_path / "executed").exists()


def test_the_payload_of_these_tests_does_run_when_it_is_unpickled(arrays, tmp_path):
    np.savez(tmp_path / "malicious.npz", locs=np.array([Touch(tmp_path / "executed")], dtype=object))
    with np.load(tmp_path / "malicious.npz", allow_pickle=True) as archive:
        archive["locs"]
    assert (tmp_path / "executed").exists()


@pytest.mark.parametrize("kept", [0, 3, 100, 60_000, -30])
def test_a_truncated_database_is_refused(tmp_path, kept):
    path = tmp_path / "truncated.npz"
    path.write_bytes((golden.GOLDEN / "range_db_mini.npz").read_bytes()[:kept])
    with pytest.raises(WeightsError) as caught:
        load_database(path)
    assert str(caught.value).startswith(f"{path} was refused as a RANGE database: ")
    assert str(caught.value).endswith("expected an .npz of plain arrays locs, satclip_embeddings, image_embeddings")
    assert "\n" not in str(caught.value)


def test_damaged_bytes_are_refused(tmp_path):
    content = bytearray((golden.GOLDEN / "range_db_mini.npz").read_bytes())
    content[100_000] ^= 0xFF
    (tmp_path / "damaged.npz").write_bytes(content)
    with pytest.raises(WeightsError, match=r"damaged\.npz was refused as a RANGE database: Bad CRC-32"):
        load_database(tmp_path / "damaged.npz")


@pytest.mark.parametrize("offset", [200, 1000, 5000])
def test_damaged_compression_is_refused(arrays, tmp_path, offset):
    np.savez_compressed(tmp_path / "damaged.npz", **arrays)
    content = bytearray((tmp_path / "damaged.npz").read_bytes())
    content[offset : offset + 4] = b"\xff\xff\xff\xff"
    (tmp_path / "damaged.npz").write_bytes(content)
    with pytest.raises(WeightsError, match=r"damaged\.npz was refused as a RANGE database: "):
        load_database(tmp_path / "damaged.npz")


def test_an_array_that_claims_more_than_any_memory_is_refused(arrays, tmp_path):
    path = tmp_path / "bomb.npz"
    np.savez(path, **{name: arrays[name] for name in ARRAYS[1:]})
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f8", "fortran_order": False, "shape": (2**58, 2)})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("locs.npy", stream.getvalue())
    with pytest.raises(WeightsError, match=r"bomb\.npz was refused as a RANGE database: "):
        load_database(path)


def test_an_array_cut_short_inside_the_archive_is_refused(arrays, tmp_path):
    path = tmp_path / "short.npz"
    np.savez(path, **{name: arrays[name] for name in ARRAYS[1:]})
    stream = io.BytesIO()
    np.save(stream, arrays["locs"])
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("locs.npy", stream.getvalue()[:-40])
    with pytest.raises(WeightsError, match=r"short\.npz was refused as a RANGE database"):
        load_database(path)


@pytest.mark.parametrize("content", [b"hello\n", b"<html>404 Not Found</html>", b"PK\x03\x04 not quite"])
def test_what_is_no_archive_is_refused(tmp_path, content):
    (tmp_path / "text.npz").write_bytes(content)
    with pytest.raises(WeightsError, match=r"text\.npz was refused as a RANGE database"):
        load_database(tmp_path / "text.npz")


def test_a_single_array_is_refused(arrays, tmp_path):
    with (tmp_path / "single.npz").open("wb") as file:
        np.save(file, arrays["locs"])
    with pytest.raises(WeightsError, match=r"single\.npz is a single array; expected an \.npz with locs, satclip"):
        load_database(tmp_path / "single.npz")

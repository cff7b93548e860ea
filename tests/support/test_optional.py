"""Optional packages: imported where they are, named with what to type where they are not."""

from __future__ import annotations

import json
import sys

import pytest

from rangegeo.errors import MissingPackage, argument
from rangegeo.support.optional import import_optional


def test_a_package_that_is_there_is_imported():
    assert import_optional("json", "reading") is json


def test_a_package_that_is_missing_is_named_as_pip_knows_it(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "sklearn"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [])
    sys.path_importer_cache.clear()
    with pytest.raises(MissingPackage) as caught:
        import_optional("sklearn.cluster", argument("method", "ica"))
    assert str(caught.value) == 'method="ica" needs scikit-learn: pip install scikit-learn'
    assert caught.value.for_shell() == "--method ica needs scikit-learn: pip install scikit-learn"


def test_a_package_that_is_one_of_several_names_the_extra_too(monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(MissingPackage) as caught:
        import_optional("uvicorn", "rangegeo view")
    assert str(caught.value).startswith("rangegeo view needs uvicorn: pip install uvicorn; in the clone of rangegeo, ")
    assert 'pip install -e ".[view]" brings all' in str(caught.value)


def test_a_package_that_lacks_a_dependency_says_so_itself(tmp_path, monkeypatch):
    (tmp_path / "broken_package.py").write_text("import not_there_at_all")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="not_there_at_all") as caught:
        import_optional("broken_package", "reading")
    assert not isinstance(caught.value, MissingPackage)

"""Facts of joined cubes: the worst error, the sum of counts, and nothing that is true of a part only."""

from rangegeo.schema.merged import merged_facts


def test_errors_are_the_largest_and_counts_are_sums():
    parts = [
        {"measured_error": 1e-6, "evaluations": 3, "tolerance": 1e-5, "evaluation": "interpolated", "command": "a"},
        {"measured_error": 4e-6, "evaluations": 4, "tolerance": 1e-4, "evaluation": "interpolated", "command": "a"},
        {"evaluation": "exact", "command": "a"},
    ]
    assert merged_facts(parts) == {
        "measured_error": 4e-6,
        "evaluations": 7,
        "tolerance": 1e-4,
        "evaluation": "interpolated",
    }


def test_an_area_is_told_only_if_all_parts_have_one():
    with_area = {"aoi": "a.gpkg", "aoi_share": 0.5, "aoi_reach": 0.5, "model": "RANGE"}
    assert merged_facts([with_area, {"model": "RANGE"}]) == {"model": "RANGE"}
    assert merged_facts([with_area, with_area | {"aoi": "b.gpkg"}]) == {"aoi": "a.gpkg, b.gpkg", "model": "RANGE"}


def test_what_parts_do_not_agree_on_is_left_out():
    assert merged_facts([{"note": 1, "rangegeo_version": "1"}, {"note": 2, "rangegeo_version": "2"}]) == {
        "rangegeo_version": "1, 2"
    }


def test_one_part_that_is_no_embedding_makes_none_of_the_whole():
    assert "long_name" not in merged_facts([{"long_name": "RANGE embedding"}, {}])

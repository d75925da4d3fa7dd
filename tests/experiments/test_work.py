"""Photographs are decoded in as few passes as memory allows."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ddd_utils.data.views import View
from ddd_utils.experiments.inference import passes


@given(
    sizes=st.lists(st.integers(8, 600), unique=True, max_size=12),
    images=st.integers(1, 1_000),
    budget=st.integers(0, 2_000_000_000),
)
def test_every_view_has_its_place_and_a_pass_fits_into_memory(sizes, images, budget):
    views = [View(size, size) for size in sizes]
    found = passes(views, images, budget)
    assert [view for each in found for view in each] == views
    for each in found:
        assert len(each) == 1 or images * sum(view.nbytes for view in each) <= budget
    # The first view of a pass would not have fitted into the one before.
    for before, after in pairwise(found):
        assert images * sum(view.nbytes for view in [*before, after[0]]) > budget


def test_all_fit_at_once_where_there_is_room():
    views = [View(size, size) for size in (224, 240, 260)]
    assert passes(views, 200, 10**9) == [views]
    assert passes(views, 200, 0) == [[view] for view in views]

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddd_utils.analysis.multiple_testing import holm
from ddd_utils.errors import InputError

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("p_values", "adjusted"),
    [
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.5, 0.6], [1, 1]),
        ([0.02, np.nan, 0.01], [0.02, np.nan, 0.02]),
        ([], []),
    ],
)
def test_holm_by_hand(p_values, adjusted):
    np.testing.assert_allclose(holm(p_values), adjusted, rtol=1e-12)


@given(P_VALUES)
def test_holm_is_at_least_as_powerful_as_bonferroni_and_keeps_the_order(p_values):
    p = np.array(p_values)
    adjusted = holm(p)
    assert (adjusted >= p).all() and (adjusted <= np.minimum(p * p.size, 1)).all()
    assert (np.diff(adjusted[np.argsort(p)]) >= 0).all()


def test_undefined_p_values_do_not_count():
    np.testing.assert_allclose(holm([0.01, np.nan, 0.03]), [0.02, np.nan, 0.03])


@pytest.mark.parametrize(("bad", "message"), [([1.2], "between 0 and 1"), ([[0.1]], "plain list")])
def test_bad_input_is_named(bad, message):
    with pytest.raises(InputError, match=message):
        holm(bad)

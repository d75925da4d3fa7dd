import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from ddd_utils.analysis.dynamics import dissimilarity, rdm_correlation
from ddd_utils.errors import InputError


@pytest.fixture
def features():
    return np.random.default_rng(0).normal(size=(20, 7))


def test_dissimilarity_equals_scipy(features):
    np.testing.assert_allclose(dissimilarity(features), squareform(pdist(features, "correlation")), atol=1e-12)


def test_a_layer_that_responds_to_an_image_evenly_is_undefined_there():
    found = dissimilarity([[1, 1, 1], [1, 2, 3], [3, 2, 1]])
    np.testing.assert_allclose(found, [[np.nan] * 3, [np.nan, 0, 2], [np.nan, 2, 0]], atol=1e-12)


def test_rdm_correlation_ignores_the_diagonal_and_counts_each_pair_once(features):
    a, b = dissimilarity(features), dissimilarity(features + np.random.default_rng(1).normal(size=features.shape))
    assert rdm_correlation(a, b) == pytest.approx(
        np.corrcoef(squareform(a, checks=False), squareform(b, checks=False))[0, 1]
    )
    assert 0.2 < rdm_correlation(a, b) < 0.9
    assert rdm_correlation(a, 2 * a + np.eye(20)) == pytest.approx(1)
    assert rdm_correlation(a, -a) == pytest.approx(-1)


def test_networks_of_the_same_geometry_correlate_perfectly(features):
    permuted_and_scaled = 3 * features[:, ::-1] + 5
    assert rdm_correlation(dissimilarity(features), dissimilarity(permuted_and_scaled)) == pytest.approx(1)


def test_undefined_dissimilarities_give_an_undefined_correlation():
    found = dissimilarity([[1, 1, 1], [1, 2, 3], [3, 2, 1]])
    assert np.isnan(rdm_correlation(found, found))


@pytest.mark.parametrize(("a", "b"), [((3, 3), (4, 4)), ((3, 4), (3, 4)), ((2, 2), (2, 2)), ((9,), (9,))])
def test_matrices_of_different_images_are_refused(a, b):
    with pytest.raises(InputError, match="same"):
        rdm_correlation(np.zeros(a), np.zeros(b))

"""Representational similarity: do two networks find the same images alike (Kriegeskorte et al., 2008)."""

import numpy as np

from ddd_utils.errors import InputError


def dissimilarity(features) -> np.ndarray:
    """
    Representational dissimilarity matrix: 1 - Pearson correlation of the responses to each pair of images.

    Parameters
    ----------
    features : array_like, shape (images, units)
        A layer's responses, such as the logits.

    Returns
    -------
    ndarray of float64, shape (images, images)
        0 for proportional deviations from an image's mean response, 2 for opposite ones; NaN for an image to which all
        units respond alike.
    """
    features = np.asarray(features, float)
    centred = features - features.mean(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    return 1 - unit @ unit.T


def rdm_correlation(a, b) -> float:
    """
    Pearson correlation of two dissimilarity matrices, each pair of images counted once (figure 7).

    Parameters
    ----------
    a, b : array_like, shape (images, images)
        Dissimilarities of the same images in two networks, from `dissimilarity`.

    Returns
    -------
    float
        NaN where an image has no defined dissimilarity.

    Raises
    ------
    InputError
        If the two are not square matrices of at least three images, or differ in size.
    """
    a, b = np.asarray(a), np.asarray(b)
    if a.ndim != 2 or a.shape != b.shape or a.shape[0] != a.shape[1] or len(a) < 3:
        raise InputError(f"dissimilarities must be of the same three or more images: {a.shape} against {b.shape}")
    above = np.triu_indices(len(a), 1)
    with np.errstate(invalid="ignore"):
        return float(np.corrcoef(a[above], b[above])[0, 1])

"""Find images that are nearly the same as an image of a reference set, by mean absolute difference of their pixels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BLOCKS = 8  # per side


def near_duplicates(
    images: npt.NDArray[np.uint8], references: npt.NDArray[np.uint8], threshold: float
) -> npt.NDArray[np.bool_]:
    """Say which images lie within ``threshold`` of any reference.

    The distance is the mean absolute difference over all pixels and channels, on the scale of 0 to 255. Sums over
    blocks give a lower bound of it, Σ_b |Σ_{p∈b} d_p| ≤ Σ_p |d_p|, which rules out nearly all pairs.

    Args:
        images: uint8 (N, 3, H, W).
        references: uint8 (M, 3, H, W).
        threshold: largest distance that counts as near.

    Returns:
        bool (N,).
    """
    from scipy.spatial.distance import cdist  # here, as it takes a second: only what draws images anew needs it

    values = images[0].size
    bound = cdist(_block_sums(images), _block_sums(references), "cityblock") / values
    near = np.zeros(len(images), dtype=bool)
    for index in np.flatnonzero((bound <= threshold).any(axis=1)):
        suspects = references[bound[index] <= threshold].astype(np.int16)
        near[index] = np.abs(suspects - images[index]).mean(axis=(1, 2, 3)).min() <= threshold
    return near


def _block_sums(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Sum over at most `BLOCKS` × `BLOCKS` blocks that cover each image once: (N, 3·blocks²)."""
    size = images.shape[-1]
    starts = np.unique(np.arange(BLOCKS) * size // BLOCKS)
    sums = np.add.reduceat(images, starts, axis=2, dtype=np.int64)
    sums = np.add.reduceat(sums, starts, axis=3)
    return sums.reshape(len(images), -1).astype(np.float64)

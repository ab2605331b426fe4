import numpy as np
import pytest

from ganbench.data.near_duplicates import _block_sums, near_duplicates


def random_images(seed: int, n: int, size: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, 3, size, size), dtype=np.uint8)


@pytest.mark.parametrize("size", [5, 8, 13, 32])
def test_it_agrees_with_all_pairs_compared(size: int) -> None:
    references, images = random_images(0, 20, size), random_images(1, 30, size)
    noise = np.random.default_rng(2).integers(-12, 13, (10, 3, size, size))
    images[:10] = np.clip(references[:10].astype(int) + noise, 0, 255)
    plain = np.abs(images[:, None].astype(int) - references[None]).mean(axis=(2, 3, 4)).min(axis=1)
    for threshold in (0.0, 4.0, 5.9, 6.1, 80.0):
        assert np.array_equal(near_duplicates(images, references, threshold), plain <= threshold)


def test_the_threshold_itself_is_near() -> None:
    reference = np.full((1, 3, 16, 16), 100, dtype=np.uint8)
    assert near_duplicates(reference + np.uint8(4), reference, 4.0).all()
    assert not near_duplicates(reference + np.uint8(5), reference, 4.0).any()


def test_a_change_that_block_sums_cannot_see_is_still_measured() -> None:
    flat = np.full((1, 3, 32, 32), 100, dtype=np.uint8)
    checker = flat.copy()
    checker[..., ::2, ::2] += 20
    checker[..., ::2, 1::2] -= 20
    assert np.array_equal(_block_sums(checker), _block_sums(flat))
    assert not near_duplicates(checker, flat, 4.0).any()


def test_blocks_cover_every_pixel_once() -> None:
    images = random_images(3, 2, 29)
    assert np.array_equal(_block_sums(images).sum(axis=1), images.sum(axis=(1, 2, 3)))

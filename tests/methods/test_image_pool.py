import pytest
import torch

from ganbench.methods.image_pool import ImagePool

CPU = torch.device("cpu")


def numbered(first, count):
    return torch.arange(first, first + count).float().reshape(-1, 1, 1, 1)


def numbers(images):
    return images.flatten().int().tolist()


def test_fills_up_and_shows_new_images_meanwhile():
    pool, generator = ImagePool(6, CPU), torch.Generator().manual_seed(0)
    assert numbers(pool.exchange(numbered(0, 4), generator)) == [0, 1, 2, 3]
    assert numbers(pool.exchange(numbered(4, 2), generator)) == [4, 5]
    assert numbers(torch.stack(pool.images)) == [0, 1, 2, 3, 4, 5]


def test_once_full_half_of_the_shown_images_are_old():
    pool, generator = ImagePool(50, CPU), torch.Generator().manual_seed(0)
    pool.exchange(numbered(0, 50), generator)
    new = 0
    for first in range(50, 8050, 10):
        shown = numbers(pool.exchange(numbered(first, 10), generator))
        new += sum(shown[i] == first + i for i in range(10))
    assert new / 8000 == pytest.approx(0.5, abs=0.02)


def test_an_image_is_either_shown_or_kept():
    pool, generator = ImagePool(5, CPU), torch.Generator().manual_seed(1)
    shown = numbers(pool.exchange(numbered(0, 5), generator))
    for first in range(5, 205, 5):
        shown += numbers(pool.exchange(numbered(first, 5), generator))
    # those shown while the pool filled are kept as well, all others leave the pool when they are shown
    assert sorted(shown + numbers(torch.stack(pool.images))) == sorted([*range(205), *range(5)])


def test_size_zero_shows_what_comes():
    images = numbered(0, 4)
    assert torch.equal(ImagePool(0, CPU).exchange(images, torch.Generator()), images)


def test_restored_pool_goes_on_exactly():
    first, second = ImagePool(4, CPU), ImagePool(4, CPU)
    first.exchange(numbered(0, 6), torch.Generator().manual_seed(0))
    second.load_state_dict(first.state_dict())
    shown = [pool.exchange(numbered(6, 8), torch.Generator().manual_seed(1)) for pool in (first, second)]
    assert torch.equal(*shown)
    assert torch.equal(torch.stack(first.images), torch.stack(second.images))


def test_an_empty_pool_is_saved_and_restored():
    pool = ImagePool(4, CPU)
    pool.load_state_dict(ImagePool(4, CPU).state_dict())
    assert pool.images == []


def test_kept_images_carry_no_gradient_and_do_not_change_with_the_batch():
    pool, generator = ImagePool(2, CPU), torch.Generator().manual_seed(0)
    for first in (0, 2, 4, 6):  # fills up, then swaps
        images = numbered(first, 2).requires_grad_()
        assert not pool.exchange(images, generator).requires_grad
        kept = numbers(torch.stack(pool.images))
        with torch.no_grad():
            images.fill_(99)
        assert numbers(torch.stack(pool.images)) == kept
    assert kept != [0, 1]

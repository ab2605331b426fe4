import pytest
import ring
import torch


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_real_points_cover_all_modes_and_a_blur_covers_none():
    generator = torch.Generator().manual_seed(0)
    modes, share = ring.covered(ring.draw_real(2000, generator).flatten(1))
    assert modes == 8
    assert share > 0.97
    assert ring.covered(torch.rand(2000, 2, generator=generator) * 2 - 1)[0] == 0
    assert ring.covered(ring.CENTRES[:3].repeat(700, 1)) == (3, 1.0)


@pytest.mark.parametrize("name", ["minimax", "hinge"])
def test_a_generator_finds_most_modes(name):
    trained = ring.Ring(name, ring.own_options(name))
    assert ring.covered(trained.points())[0] < 6
    assert ring.covered(trained.train(900).points())[0] >= 6


def test_training_follows_from_the_seed_alone():
    results = []
    for global_seed in (0, 1):
        torch.manual_seed(global_seed)
        results.append(ring.Ring("dragan", ring.own_options("dragan")).train(3).points())
    assert torch.equal(*results)

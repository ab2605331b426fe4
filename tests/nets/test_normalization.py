import pytest
import torch
from torch.nn.functional import instance_norm

from ganbench.nets.normalization import InstanceNorm, make_norm


@pytest.mark.parametrize("memory_format", [torch.channels_last, torch.contiguous_format])
def test_instance_norm_equals_torch_forwards_and_backwards(memory_format):
    images = torch.randn(3, 5, 6, 4, generator=torch.Generator().manual_seed(0)) * 3 + 1
    ours = images.clone(memory_format=memory_format).requires_grad_()
    theirs = images.clone().requires_grad_()
    weight = torch.randn(3, 5, 6, 4, generator=torch.Generator().manual_seed(1))
    (InstanceNorm()(ours) * weight).sum().backward()
    (instance_norm(theirs) * weight).sum().backward()
    torch.testing.assert_close(InstanceNorm()(ours), instance_norm(theirs), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-5, rtol=1e-5)


def test_instance_norm_can_be_differentiated_twice():
    images = torch.randn(2, 2, 3, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    weight = torch.randn(2, 2, 3, 3, generator=torch.Generator().manual_seed(1))

    def second_order(norm):
        (first,) = torch.autograd.grad((norm(images) * weight).square().sum(), images, create_graph=True)
        (second,) = torch.autograd.grad(first.square().sum(), images)
        return second

    torch.testing.assert_close(second_order(InstanceNorm()), second_order(instance_norm), atol=1e-3, rtol=1e-3)


def test_instance_norm_of_half_precision_is_computed_in_float32():
    images = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0)).bfloat16()
    torch.testing.assert_close(InstanceNorm()(images), instance_norm(images.float()), atol=1e-5, rtol=1e-5)


def test_each_image_is_normalised_alone():
    images = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(InstanceNorm()(images)[:2], InstanceNorm()(images[:2]))


def test_none_changes_nothing():
    images = torch.randn(2, 3, 4, 4)
    assert make_norm("none", 3)(images) is images

import pytest
import torch

from ganbench.methods import dtn
from ganbench.methods.base import METHODS
from ganbench.numerics import Numerics


def one_by_one(net, inputs, norm):
    return [net(images) for images in inputs]


def ignore(stage, step, steps, losses):
    pass


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_f_learns_the_source_attributes_and_says_so(precision, data, make_method):
    method, reports = make_method("dtn", f_steps=40, f_batch_size=12, f_width=8), []
    with Numerics(precision=precision).autocast(method.device):
        method.prepare(data, 0, lambda *report: reports.append(report))
    assert [(stage, step, steps) for stage, step, steps, _ in reports] == [
        ("classifier f", step, 40) for step in range(1, 41)
    ]
    assert reports[-1][3]["loss"] < 0.5 * reports[0][3]["loss"]
    assert reports[-1][3]["accuracy"] > 0.9


def test_training_leaves_f_alone_and_changes_g(data, make_method, train):
    method = make_method("dtn")
    method.prepare(data, 0, ignore)
    f, g = ({k: v.clone() for k, v in part.state_dict().items()} for part in (method.f, method.g))
    train(method, data, range(2))
    assert all(torch.equal(f[name], value) for name, value in method.f.state_dict().items())
    assert not torch.equal(g["layers.0.weight"], method.g.state_dict()["layers.0.weight"])
    assert not any(p.requires_grad for p in method.f.parameters())


@pytest.mark.parametrize("features", ["vector", "map"])
def test_generator_loss_is_the_weighted_sum_of_the_papers_terms(features, data, make_method, train):
    method = make_method("dtn", f_features=features, alpha=15.0, beta=2.0, gamma=0.5)
    method.prepare(data, 0, ignore)
    (losses,) = train(method, data, range(1))
    expected = losses["adversarial"] + 15.0 * losses["const"] + 2.0 * losses["tid"] + 0.5 * losses["total_variation"]
    torch.testing.assert_close(losses["generator"], expected)


def test_defaults_are_the_papers_for_faces():
    options = METHODS.get("dtn").Options()
    assert (options.alpha, options.beta, options.gamma, options.f_features) == (100.0, 1.0, 0.05, "vector")


def test_batched_passes_change_no_loss(data, make_method, train, monkeypatch):
    def losses():
        method = make_method("dtn")
        method.prepare(data, 0, ignore)
        return train(method, data, range(2))

    batched = losses()
    monkeypatch.setattr(dtn, "run_all", one_by_one)
    for fast, slow in zip(batched, losses(), strict=True):
        for term in fast:
            torch.testing.assert_close(fast[term], slow[term], atol=1e-5, rtol=1e-5)


def test_three_way_loss_is_a_cross_entropy_over_patches():
    scores = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    expected = -scores.log_softmax(1)[:, dtn.REAL_TARGET].mean()
    torch.testing.assert_close(dtn._classified_as(dtn.REAL_TARGET, scores), expected)
    assert float(dtn._classified_as(0, torch.zeros(1, 3, 1, 1))) == pytest.approx(torch.tensor(3.0).log().item())

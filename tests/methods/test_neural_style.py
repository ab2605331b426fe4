import pytest
import torch

from ganbench.data.batches import to_float
from ganbench.errors import InputError
from ganbench.losses.reconstruction import gram_distance, gram_matrices, style_distance
from ganbench.methods.base import METHODS
from ganbench.nets.frozen_features import frozen_features
from ganbench.options import read_options
from ganbench.seeding import torch_generator


def ignore(stage, step, steps, losses):
    pass


def style_gap(method, images):
    """Return how far the style of images lies from the target's, the mean over images."""
    grams = [gram_matrices(each) for each in frozen_features(images)]
    return float(style_distance(grams, list(method.grams.values())).mean())


def content_gap(images, source):
    """Return how far features of the third layer lie from the source's."""
    return float((frozen_features(images)[2] - frozen_features(source)[2]).square().mean())


@pytest.fixture
def source(data):
    return to_float(data.images("plain", "test"))[:4]


def test_the_style_is_that_of_the_whole_target(data, make_method):
    """‖G − mean A‖² is the quadratic-kernel MMD to the features of all target images laid side by side."""
    method, reports = make_method("neural_style"), []
    method.prepare(data, 0, lambda *report: reports.append(report[:3]))
    maps = frozen_features(to_float(data.images("dark", "train")))[1]
    pooled = torch.cat(list(maps.flatten(2)), 1)[None, :, :, None]  # (1, C, 12·M, 1)
    assert float(gram_distance(gram_matrices(pooled), method.grams["2"])) < 1e-6
    assert reports[-1] == ("style of the target", 12, 12)


def test_outputs_approach_the_style_and_keep_the_content(data, make_method, source):
    method = make_method("neural_style", iterations=40)
    method.prepare(data, 0, ignore)
    output = method.translate(source, torch.Generator())
    assert style_gap(method, output) < 0.5 * style_gap(method, source)
    target = to_float(data.images("dark", "test"))[:4]
    assert 0 < content_gap(output, source) < 0.5 * content_gap(target, source)


@pytest.mark.parametrize(
    ("option", "measure"),
    [
        ("content_weight", lambda method, output, source: content_gap(output, source)),
        ("style_weight", lambda method, output, source: style_gap(method, output)),
        ("smoothness", lambda method, output, source: float((output[..., 1:] - output[..., :-1]).abs().mean())),
    ],
)
def test_each_weight_buys_its_term(option, measure, data, make_method, source):
    found = []
    for factor in (0.03, 1.0):
        default = METHODS.get("neural_style").Options.model_fields[option].default
        method = make_method("neural_style", iterations=25, **{option: factor * default})
        method.prepare(data, 0, ignore)
        found.append(measure(method, method.translate(source, torch.Generator()), source))
    assert found[0] > found[1]


def test_each_output_is_optimised_by_itself(data, make_method, source):
    method = make_method("neural_style", iterations=5)
    method.prepare(data, 0, ignore)
    together = method.translate(source, torch.Generator())
    alone = torch.cat([method.translate(image, torch.Generator()) for image in source.split(1)])
    assert float((together - alone).abs().mean()) < 0.01  # Adam enlarges rounding where a gradient is near 0


def test_it_translates_inside_inference_mode(data, make_method, source):
    method = make_method("neural_style")
    method.prepare(data, 0, ignore)
    with torch.inference_mode():
        output = method.translate(source.clone(), torch.Generator())
    torch.testing.assert_close(output, method.translate(source, torch.Generator()))


def test_from_noise_it_is_stochastic_and_remembers_the_source_by_its_features(data, make_method, source):
    method = make_method("neural_style", start="noise", iterations=40, pixel_lr=0.1, style_weight=0.0, smoothness=0.0)
    method.prepare(data, 0, ignore)
    assert method.is_stochastic(method.options)
    source = source[:2]
    first, second = (method.translate(source, torch_generator(seed)) for seed in (0, 1))
    assert not torch.equal(first, second)
    noise = torch.rand(source.shape, generator=torch_generator(0)) * 2 - 1
    assert content_gap(first, source) < 0.3 * content_gap(noise, source)


@pytest.mark.parametrize(
    ("values", "answer"),
    [
        ({"style_layers": []}, "set a weight to 0"),
        ({"content_layers": [2, 2]}, "each once"),
        ({"content_layers": [5]}, "less than or equal to 4"),
        ({"start": "target"}, "'source' or 'noise'"),
    ],
)
def test_bad_options_are_refused(values, answer):
    with pytest.raises(InputError, match=answer):
        read_options(METHODS.get("neural_style").Options, values, "suite.yaml")


def test_only_needed_layers_are_computed(make_method):
    assert make_method("neural_style", style_layers=[1], content_layers=[2]).depth == 2

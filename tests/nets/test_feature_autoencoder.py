import pytest
import torch

from ganbench.nets.feature_autoencoder import AttributeClassifier, FeatureDecoder


@pytest.mark.parametrize(("features", "shape"), [("vector", (2, 128, 1, 1)), ("map", (2, 32, 6, 6))])
def test_features_are_bounded_and_the_decoder_draws_from_them(features, shape):
    classifier = AttributeClassifier({"skin": 4, "hair": 3}, 24, 4, features)
    images = torch.rand(2, 3, 24, 24) * 2 - 1
    values = classifier(images)
    assert values.shape == shape
    assert float(values.detach().abs().max()) <= 1
    assert {name: logits.shape for name, logits in classifier.logits(images).items()} == {
        "skin": (2, 4),
        "hair": (2, 3),
    }
    drawn = FeatureDecoder(24, 4, 1, "instance", "deconv", features)(values)
    assert drawn.shape == images.shape
    assert float(drawn.detach().abs().max()) <= 1

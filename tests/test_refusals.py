"""What `ganbench validate` refuses before anything runs: choices that can't work together, or not at this size."""

import pytest

from ganbench.variants import expand, load_suite

SUITE = """name: tiny
dataset: {{name: avatars, source: avataaars, target: adventurer}}
methods:
{methods}
{grid}
seeds: [0]
metrics: [collapse]
profiles:
  cpu:
    image_size: {size}
    steps: 8
    batch_size: {batch}
"""
# method entry, image size, batch size → line, beginning, value that came, remedy
REFUSED = [
    ("half_cycle, adversarial: began, regularizer: gradient_penalty", 32, 4, 4, "autoencoder", "'spectral_norm'"),
    ("cyclegan, adversarial: ebgan, regularizer: clipping", 32, 4, 4, "'clipping'", "Leave regularizer out"),
    ("cyclegan, adversarial: began, reconstruction: feature_matching", 32, 4, 4, "has none", "'perceptual'"),
    ("pix2pix, lambda_adversarial: 0.0, reconstruction: feature_matching", 32, 4, 4, "leaves it out", "'perceptual'"),
    ("cycle_only, reconstruction: feature_matching", 32, 4, 4, "Got 'feature_matching'", "'perceptual'"),
    ("discogan, adversarial: mmd", 32, 4, 4, "features_share must be 0.0", "set it to 0.0"),
    ("cyclegan, generator: unet, depth: 6", 32, 4, 4, "depth: the unet generator can halve 32 px 5 times. Got 6",
     "at most 5"),
    ("pix2pix, depth: 6", 32, 4, 4, "depth: the unet generator can halve 32 px 5 times. Got 6", "at most 5"),
    ("cyclegan, patch_size: 70", 16, 4, 4, "Got 70", "at most 16"),
    ("cyclegan", 18, 4, 8, "image_size: the resnet generator needs a multiple of 4, at least 8. Got 18", "take 16"),
    ("vanilla", 24, 4, 8, "image_size: the dcgan generator needs a power of two, at least 8. Got 24", "take 16"),
    ("cyclegan, adversarial: wgan-gp, norm: batch", 32, 4, 4, "ties the images together", "Set discriminator_norm"),
    ("half_cycle, regularizer: r1, discriminator_norm: batch", 32, 4, 4, "discriminator_norm 'batch'",
     "'instance' or 'none'"),
    ("pix2pix, mismatched_pairs: true", 32, 1, 10, "batch_size: mismatched_pairs", "Got 1: take 2"),
    ("pix2pix, mismatched_pairs: true, batch_size: 1", 32, 4, 4, "batch_size: mismatched_pairs", "Got 1: take 2"),
    ("half_cycle, adversarial: mmd", 32, 1, 10, "batch_size: adversarial 'mmd'", "Got 1: take 2"),
    ("half_cycle, adversarial: ebgan, adversarial_options: {lambda_pt: 0.1}", 32, 1, 10, "adversarial 'ebgan'",
     "Got 1: take 2"),
]  # fmt: skip


@pytest.fixture
def write(tmp_path):
    def make(*entries, size=32, batch=4, grid=""):
        path = tmp_path / "tiny.yaml"
        methods = "\n".join(f"  - {{name: {entry}}}" for entry in entries)
        path.write_text(SUITE.format(methods=methods, size=size, batch=batch, grid=grid))
        return path

    return make


@pytest.fixture
def rows(write):
    """Return label → options of the rows that are no baselines."""

    def read(*entries, grid):
        variants = expand(load_suite(write(*entries, grid=grid)), "cpu")
        return {variant.label: variant.options for variant in variants if not variant.cls.baseline}

    return read


@pytest.mark.parametrize(("entry", "size", "batch", "line", "said", "remedy"), REFUSED)
def test_validate_names_file_line_method_reason_and_remedy(entry, size, batch, line, said, remedy, write, cli):
    path = write(entry, size=size, batch=batch)
    code, _, told = cli("validate", path)
    told = " ".join(told.split())
    where = {8: "image_size", 10: "batch_size"}.get(line)
    text = path.read_text().splitlines()
    number = 4 if where is None else next(k for k, row in enumerate(text, 1) if row.strip().startswith(where))
    assert code == 2
    assert f"{path.name}:{number}: " in told
    assert f"method {entry.split(',')[0]}: " in told
    assert said in told
    assert remedy in told


def test_all_refusals_of_a_suite_come_together(write, cli):
    entries = dict.fromkeys(entry for entry, size, *_ in REFUSED if size == 32)
    code, _, told = cli("validate", write(*entries, size=32, batch=1))
    assert code == 2
    assert told.count("tiny.yaml:") == len(entries)


def test_what_is_refused_at_one_size_stands_at_another(write, cli):
    entries = ("cyclegan, generator: unet, depth: 6", "pix2pix, mismatched_pairs: true", "half_cycle, adversarial: mmd")
    assert cli("validate", write(*entries, size=64, batch=2))[0] == 0


WITHOUT_EFFECT = [
    ("half_cycle, adversarial: began, patch_size: 16", "patch_size", "autoencoder"),
    ("half_cycle, adversarial: ebgan, discriminator: dcgan", "discriminator", "autoencoder"),
    ("cyclegan, adversarial: mmd, patch_size: 1", "patch_size", "embedding"),
    ("vanilla, adversarial: gmmn, discriminator: patch", "discriminator", "no discriminator"),
    ("half_cycle, adversarial: gmmn, pool_size: 7", "pool_size", "no discriminator"),
    ("vanilla, patch_size: 16", "patch_size", "whole image"),
    ("dtn, discriminator: dcgan, patch_size: 16", "patch_size", "whole image"),
    ("cycle_only, ndf: 32", "ndf", "no discriminator"),
    ("pix2pix, lambda_adversarial: 0.0, patch_size: 16", "patch_size", "no discriminator"),
    ("pix2pix, lambda_adversarial: 0.0, adversarial: hinge", "adversarial", "lambda_adversarial 0"),
    ("cyclegan, depth: 3", "depth", "'resnet'"),
    ("pix2pix, n_blocks: 4", "n_blocks", "'unet'"),
    ("cyclegan, rmsprop_decay: 0.5", "rmsprop_decay", "'adam'"),
    ("dualgan, beta1: 0.9", "beta1", "'rmsprop'"),
]


@pytest.mark.parametrize(("entry", "key", "why"), WITHOUT_EFFECT)
def test_an_option_that_would_be_ignored_is_refused(entry, key, why, write, cli):
    code, _, told = cli("validate", write(entry))
    told = " ".join(told.split())
    assert code == 2
    assert f"tiny.yaml:4: method {entry.split(',')[0]}: {key}: has no effect here, for " in told
    assert why in told
    assert "leave it out" in told


@pytest.mark.parametrize(
    "entry",
    [
        "half_cycle, adversarial: began, patch_size: null, discriminator: patch",  # the defaults
        "cyclegan, adversarial: began, reconstruction: adversarial, patch_size: 16",  # the pairs' discriminator
        "cycle_only, reconstruction: adversarial, ndf: 32",
        "pix2pix, lambda_adversarial: 0.0, reconstruction: adversarial, patch_size: 16",
        "vanilla, discriminator: patch, patch_size: 16",
        "residual, discriminator: patch, patch_size: 16",
        "discogan, adversarial: began, features_share: 0.0",  # its own default is dcgan
        "cyclegan, generator: unet, depth: 3",
        "dualgan, rmsprop_decay: 0.5",
    ],
)
def test_options_with_an_effect_and_defaults_stand(entry, write, cli):
    assert cli("validate", write(entry))[0] == 0


def test_a_grid_drops_what_a_loss_ignores_and_trains_it_once(rows):
    found = rows("half_cycle", grid="grid: {adversarial: [lsgan, began], patch_size: [1, 16]}")
    assert list(found) == ["half_cycle-lsgan-1", "half_cycle-lsgan-16", "half_cycle-began"]
    assert found["half_cycle-began"]["patch_size"] is None


def test_a_grid_drops_the_option_for_a_method_whose_discriminator_sees_the_whole_image(rows):
    assert list(rows("half_cycle", "vanilla", grid="grid: {patch_size: [1, 16]}")) == [
        "half_cycle-1", "half_cycle-16", "vanilla"
    ]  # fmt: skip


def test_a_refused_value_of_the_grid_is_found_at_its_line(write, cli):
    _, _, told = cli("validate", write("pix2pix", grid="grid: {depth: [4, 6]}"))
    assert "tiny.yaml:5: grid, for method pix2pix: depth: the unet generator can halve 32 px 5 times. Got 6" in (
        " ".join(told.split())
    )

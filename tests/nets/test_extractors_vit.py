import hashlib
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch_fidelity.feature_extractor_clip import MODEL_METADATA, CLIPVisual

from ganbench.errors import InputError, MissingFileError
from ganbench.nets.dinov2 import DinoV2, build_dinov2
from ganbench.nets.extractors import EXTRACTORS
from ganbench.nets.extractors_clip import ClipVitB32
from ganbench.nets.extractors_dinov2 import MEAN, STD, DinoV2S14

CPU = torch.device("cpu")
NAMES = ("clip-vit-b-32", "clip-vit-l-14", "dinov2-vit-s-14", "dinov2-vit-b-14", "dinov2-vit-l-14")


def pictures(count, size, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8, generator=generator)


def drawn(shape, generator):
    return torch.randn(shape, generator=generator) * 0.1


@pytest.fixture
def pin(monkeypatch, tmp_path):
    """Accept the content of the file that ``write`` makes as the weights of an extractor."""
    monkeypatch.setenv("GANBENCH_WEIGHTS", str(tmp_path))
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path / "hub"))

    def pinned(kind, write):
        path = tmp_path / kind.weights.file_name
        write(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        monkeypatch.setattr(kind, "weights", replace(kind.weights, digests={path.name: digest}))
        return path

    return pinned


@pytest.mark.parametrize("name", NAMES)
def test_absent_file_is_asked_for(name, monkeypatch, tmp_path):
    monkeypatch.setenv("GANBENCH_WEIGHTS", str(tmp_path))
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setattr("torch.hub.load", lambda *_, **__: pytest.fail("code from the network"))
    with pytest.raises(MissingFileError, match=f"ganbench weights fetch {name}"):
        EXTRACTORS.get(name)(CPU)


def test_clip_is_pinned_as_torch_fidelity_pins_it():
    for name in NAMES[:2]:
        file = EXTRACTORS.get(name).weights
        assert file.sha256 == MODEL_METADATA[name]["hash"]
        assert file.file_name == f"{name}-{file.sha256}.pt"  # where torch-fidelity keeps it


class Archive(nn.Module):
    """What OpenAI's files hold, as far as it matters."""

    def __init__(self, visual):
        super().__init__()
        self.visual = visual
        self.text_projection = nn.Parameter(torch.zeros(2, 8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning")
def test_clip_runs_the_encoder_of_the_file(pin):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = CLIPVisual(8, 16, 1, 64, 8).visual.half().float().eval()  # torch-fidelity rounds to half and back
    pin(ClipVitB32, lambda path: torch.jit.save(torch.jit.trace(Archive(encoder), torch.zeros(1)), str(path)))
    state, images = torch.get_rng_state(), pictures(3, 16)  # the size that the encoder takes: no resize
    found = ClipVitB32(CPU)(images)
    assert torch.equal(state, torch.get_rng_state())
    mean = torch.tensor((0.48145466, 0.4578275, 0.40821073))[:, None, None]
    std = torch.tensor((0.26862954, 0.26130258, 0.27577711))[:, None, None]
    with torch.inference_mode():
        expected = encoder((images / 255 - mean) / std)
    assert torch.allclose(found.pooled, expected, atol=1e-4)
    assert found.logits is None
    assert ClipVitB32(CPU)(pictures(2, 40)).pooled.shape == (2, 8)


@pytest.fixture(scope="module")
def weights():
    """Return weights of a small DINOv2: two blocks of 128, trained on 5 × 5 patches."""
    generator = torch.Generator().manual_seed(0)
    return {key: drawn(value.shape, generator) for key, value in DinoV2(128, 2, 5).state_dict().items()}


def in_torchs_words(weights, block):
    """Return a block as torch's own encoder layer, the learned scales folded into the projections."""
    layer = nn.TransformerEncoderLayer(
        128, 2, 512, dropout=0.0, activation="gelu", layer_norm_eps=1e-6, batch_first=True, norm_first=True
    )
    own = {key.removeprefix(f"blocks.{block}."): value for key, value in weights.items()}
    first, second = own["ls1.gamma"], own["ls2.gamma"]
    names = {"self_attn.in_proj_": "attn.qkv.", "linear1.": "mlp.fc1.", "norm1.": "norm1.", "norm2.": "norm2."}
    state = {f"{new}{part}": own[f"{old}{part}"] for new, old in names.items() for part in ("weight", "bias")}
    for new, old, scale in (("self_attn.out_proj.", "attn.proj.", first), ("linear2.", "mlp.fc2.", second)):
        state |= {f"{new}weight": own[f"{old}weight"] * scale[:, None], f"{new}bias": own[f"{old}bias"] * scale}
    layer.load_state_dict(state)
    return layer.eval()


def test_dinov2_is_the_transformer_that_torch_knows(weights):
    images = drawn((2, 3, 70, 70), torch.Generator().manual_seed(1))
    with torch.inference_mode():
        patches = nn.functional.conv2d(
            images, weights["patch_embed.proj.weight"], weights["patch_embed.proj.bias"], stride=14
        )
        tokens = torch.cat([weights["cls_token"].expand(2, -1, -1), patches.flatten(2).transpose(1, 2)], 1)
        tokens = tokens + weights["pos_embed"]
        for block in range(2):
            tokens = in_torchs_words(weights, block)(tokens)
        expected = nn.functional.layer_norm(tokens, (128,), weights["norm.weight"], weights["norm.bias"], 1e-6)[:, 0]
        found = build_dinov2(weights)(images)
    assert torch.allclose(found, expected, atol=1e-5)


def test_dinov2_interpolates_positions_smoothly(weights):
    network = build_dinov2(weights)
    flat = network.pos_embed[:, 1:2].expand(1, 25, -1)
    network.pos_embed = nn.Parameter(torch.cat([network.pos_embed[:, :1], flat], 1), requires_grad=False)
    for side in (3, 16):
        positions = network._positions(side, side)
        assert positions.shape == (1, side**2, 128)
        assert torch.allclose(positions, flat[:, :1].expand_as(positions), atol=1e-6)  # the same everywhere stays so


def test_dinov2_extractor_normalises_as_imagenet_and_draws_nothing(pin, weights):
    pin(DinoV2S14, lambda path: torch.save(weights, path))
    state, images = torch.get_rng_state(), pictures(3, 224)  # no resize
    found = DinoV2S14(CPU)(images)
    assert torch.equal(state, torch.get_rng_state())
    mean, std = (torch.tensor(values)[:, None, None] for values in (MEAN, STD))
    with torch.inference_mode():
        expected = build_dinov2(weights)((images / 255 - mean) / std)
    assert torch.allclose(found.pooled, expected, atol=1e-4)
    assert found.logits is None
    assert torch.equal(DinoV2S14(CPU)(images[:1]).pooled, found.pooled[:1])  # whatever company it comes in


def test_dinov2_lacking_a_part_is_refused(pin, weights):
    path = pin(DinoV2S14, lambda path: torch.save({k: v for k, v in weights.items() if k != "norm.bias"}, path))
    with pytest.raises(InputError, match=r"norm\.bias") as error:
        DinoV2S14(CPU)
    assert str(path) in str(error.value)

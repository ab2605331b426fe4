"""The vision transformer of DINOv2 (Oquab 2023, "DINOv2: Learning Robust Visual Features without Supervision").

Dosovitskiy 2020's ViT with patches of 14 pixels, pre-normalisation and a learned scale on every residual branch
(Touvron 2021, LayerScale). Written anew for inference: torch-fidelity takes the network from torch.hub, which runs
whatever code the repository holds on the day and can't read a file that is here already. Names of the parts are the
published weights'.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional

HEAD_WIDTH = 64  # in all published sizes
PATCH = 14  # pixels
EPSILON = 1e-6  # of layer normalisation
OFFSET = 0.1  # patches; the published models interpolate positions with it, so the features depend on it


class Block(nn.Module):
    """Self-attention and a two-layer perceptron, each normalised before and scaled after."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, EPSILON)
        self.attn = nn.ModuleDict({"qkv": nn.Linear(width, 3 * width), "proj": nn.Linear(width, width)})
        self.ls1 = nn.ParameterDict({"gamma": nn.Parameter(torch.ones(width))})
        self.norm2 = nn.LayerNorm(width, EPSILON)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, 4 * width), "fc2": nn.Linear(4 * width, width)})
        self.ls2 = nn.ParameterDict({"gamma": nn.Parameter(torch.ones(width))})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (N, T, width) for tokens (N, T, width)."""
        x = x + self.ls1["gamma"] * self._attend(self.norm1(x))
        hidden = functional.gelu(self.mlp["fc1"](self.norm2(x)))
        out: torch.Tensor = x + self.ls2["gamma"] * self.mlp["fc2"](hidden)
        return out

    def _attend(self, x: torch.Tensor) -> torch.Tensor:
        heads = self.attn["qkv"](x).unflatten(-1, (3, -1, HEAD_WIDTH))  # (N, T, 3, heads, 64)
        query, key, value = heads.permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value)  # (N, heads, T, 64)
        out: torch.Tensor = self.attn["proj"](mixed.transpose(1, 2).flatten(2))
        return out


class DinoV2(nn.Module):
    """The whole network; its sizes follow from the weights.

    Args:
        width: of a token.
        depth: number of blocks.
        side: patches along one side of the pictures that it was trained on (37 for 518 pixels).
    """

    def __init__(self, width: int, depth: int, side: int) -> None:
        super().__init__()
        self.side = side
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + side**2, width))
        self.mask_token = nn.Parameter(torch.zeros(1, width))  # for training alone, but the files hold it
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, width, PATCH, PATCH)})
        self.blocks = nn.Sequential(*(Block(width) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, EPSILON)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the class token (N, width) of normalised images (N, 3, H, W), sides multiples of 14 pixels."""
        patches = self.patch_embed["proj"](images)  # (N, width, rows, columns)
        tokens = patches.flatten(2).transpose(1, 2) + self._positions(*patches.shape[-2:])
        first = (self.cls_token + self.pos_embed[:, :1]).expand(len(images), -1, -1)
        out: torch.Tensor = self.norm(self.blocks(torch.cat([first, tokens], 1))[:, 0])
        return out

    def _positions(self, rows: int, columns: int) -> torch.Tensor:
        """Return the positions of the patches (1, rows · columns, width), interpolated from the training grid."""
        positions = self.pos_embed[:, 1:]
        if rows == columns == self.side:
            return positions
        grid = positions.transpose(1, 2).unflatten(2, (self.side, self.side))
        scale = ((rows + OFFSET) / self.side, (columns + OFFSET) / self.side)
        return functional.interpolate(grid, scale_factor=scale, mode="bicubic").flatten(2).transpose(1, 2)


def build_dinov2(weights: Mapping[str, torch.Tensor]) -> DinoV2:
    """Return the frozen network that ``weights`` belong to; absent or unknown parts raise ``RuntimeError``."""
    width = weights["cls_token"].shape[-1]
    depth = len({key.split(".")[1] for key in weights if key.startswith("blocks.")})
    side = round((weights["pos_embed"].shape[1] - 1) ** 0.5)
    with torch.device("meta"):  # no random initial weights: they would draw from the global generator
        network = DinoV2(width, depth, side)
    network.load_state_dict(weights, strict=True, assign=True)
    return network.eval().requires_grad_(False)

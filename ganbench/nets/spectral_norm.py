"""Spectral normalisation of a network's weights: Miyato 2018, "Spectral normalization for GANs"."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import normalize
from torch.nn.utils.parametrize import register_parametrization

FIRST_ITERATIONS = 100


class _DividedBySpectralNorm(nn.Module):
    """W → W/σ(W), σ by one power iteration in each training pass (algorithm 1), with the vectors in the checkpoint.

    What `torch.nn.utils.parametrizations.spectral_norm` computes; but the first vector is drawn from a generator that
    is passed, the iteration starts out converged, and autocast does not round σ.
    """

    u: torch.Tensor
    v: torch.Tensor

    def __init__(self, weight: torch.Tensor, outputs: int, generator: torch.Generator) -> None:
        super().__init__()
        self.outputs = outputs
        matrix = self._matrix(weight)
        u = torch.randn(len(matrix), generator=generator).to(weight.device)
        self.register_buffer("u", normalize(u, dim=0))
        self.register_buffer("v", normalize(matrix.T @ self.u, dim=0))
        for _ in range(FIRST_ITERATIONS):
            self._iterate(matrix)

    def _matrix(self, weight: torch.Tensor) -> torch.Tensor:
        """Return the weight as (outputs, everything else)."""
        return weight.detach().transpose(0, self.outputs).flatten(1)

    def _iterate(self, matrix: torch.Tensor) -> None:
        self.u = normalize(matrix @ self.v, dim=0)
        self.v = normalize(matrix.T @ self.u, dim=0)

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        """Return the weight with spectral norm 1; the gradient goes through σ = uᵀWv, not through u and v."""
        with torch.autocast(weight.device.type, enabled=False):
            if self.training:
                self._iterate(self._matrix(weight))
            sigma = self.u @ weight.transpose(0, self.outputs).flatten(1) @ self.v
            return weight / sigma


def normalize_spectrum(network: nn.Module, generator: torch.Generator) -> None:
    """Divide the weight of every convolution and linear layer by its spectral norm, now and in every later pass.

    A convolution's weight counts as a matrix of its output channels by all else, as in the paper: its norm is not
    that of the convolution itself, but bounds it within a constant.

    Args:
        network: changed in place; its weights move to ``parametrizations.weight.original``.
        generator: CPU generator of the first singular vectors.
    """
    for module in list(network.modules()):
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            outputs = 1 if isinstance(module, nn.ConvTranspose2d) else 0
            register_parametrization(module, "weight", _DividedBySpectralNorm(module.weight, outputs, generator))

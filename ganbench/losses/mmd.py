"""Maximum mean discrepancy: how far two samples lie apart in the space of a kernel. Pure functions.

Gretton 2012, "A kernel two-sample test"; unbiased: lemma 6.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

Kernel = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Points (M, F) and (N, F) → kernel values (M, N)."""


def rbf_kernel(x: torch.Tensor, y: torch.Tensor, bandwidths: Sequence[float]) -> torch.Tensor:
    """Return Σ_σ exp(−‖x − y‖² / 2σ²) over the ``bandwidths`` σ, in the units of the points, as (M, N)."""
    squared = x.square().sum(1)[:, None] + y.square().sum(1) - 2 * x @ y.T
    squared = squared.clamp(min=0)  # rounding may leave a little less than 0
    return torch.stack([torch.exp(-squared / (2 * sigma**2)) for sigma in bandwidths]).sum(0)


def polynomial_kernel(x: torch.Tensor, y: torch.Tensor, degree: int = 3) -> torch.Tensor:
    """Return (xᵀy / F + 1)^degree as (M, N); Bińkowski 2018, section 4, with degree 3."""
    values: torch.Tensor = (x @ y.T / x.shape[1] + 1) ** degree
    return values


def squared_mmd(x: torch.Tensor, y: torch.Tensor, kernel: Kernel, unbiased: bool = True) -> torch.Tensor:
    """Return MMD² between samples (M, F) and (N, F), a scalar.

    The unbiased estimator leaves out a point's kernel with itself; its mean is 0 where both samples come from one
    distribution, so it can be negative. The biased one (V-statistic) is the squared distance of the two means.

    Raises:
        ValueError: where an unbiased estimate is asked of less than two points.
    """
    if unbiased and min(len(x), len(y)) < 2:
        raise ValueError(f"Unbiased MMD² needs at least 2 points of each kind. Got {len(x)} and {len(y)} instead.")
    return _within(kernel(x, x), unbiased) + _within(kernel(y, y), unbiased) - 2 * kernel(x, y).mean()


def _within(values: torch.Tensor, unbiased: bool) -> torch.Tensor:
    if not unbiased:
        return values.mean()
    n = len(values)
    return (values.sum() - values.diagonal().sum()) / (n * (n - 1))

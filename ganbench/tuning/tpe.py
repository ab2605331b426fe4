"""The sampler that learns: Optuna's tree-structured Parzen estimator (Bergstra et al. 2011), asked for one trial.

Every question is a study of its own, told what was tried so far, so that its answer depends on that and its seed alone.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ganbench.errors import InputError
from ganbench.results.record import Status
from ganbench.tuning.space import Axes, Axis, Choices


@dataclass(frozen=True)
class Tried:
    """What a search trial tried, and what came of it.

    Attributes:
        options: option → value, of what is searched; what had no effect has the row's own value, which may lie outside.
        status: None where it isn't done yet.
        score: None where it has none; of a trial that was given up, where it was.
    """

    options: dict[str, Any]
    status: Status | None = None
    score: float | None = None


def check_installed() -> None:
    """Raise `InputError` with the command where Optuna is absent."""
    if importlib.util.find_spec("optuna") is None:
        raise InputError("tuning: sampler 'tpe' needs Optuna: pip install 'ganbench[tuning]'. Or take 'random'.")


def suggest(axes: Axes, tried: Sequence[Tried], seed: int, higher_is_better: bool) -> dict[str, Any]:
    """Return option → value for the next trial, learnt from the finished ones.

    Trials without a score teach nothing; nor do those that were given up, whose scores are of fewer steps.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    distributions = {key: _distribution(axis) for key, axis in axes.items()}
    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=seed % 2**32, n_startup_trials=1),
        direction="maximize" if higher_is_better else "minimize",
    )
    for each in tried:
        if each.status == "ok" and each.score is not None:
            params = {key: _position(axes[key], value) for key, value in each.options.items() if axes[key].has(value)}
            known = {key: distributions[key] for key in params}
            study.add_trial(optuna.trial.create_trial(params=params, distributions=known, value=each.score))
    asked = study.ask(distributions).params
    return {key: axis.values[asked[key]] if isinstance(axis, Choices) else asked[key] for key, axis in axes.items()}


def _distribution(axis: Axis) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(axis, Choices):
        return CategoricalDistribution(range(len(axis.values)))
    if axis.whole:
        return IntDistribution(int(axis.low), int(axis.high), log=axis.log)
    return FloatDistribution(axis.low, axis.high, log=axis.log)


def _position(axis: Axis, value: Any) -> Any:
    """Return what stands for a value: of choices the place in the list, since they may be of any kind."""
    return axis.values.index(value) if isinstance(axis, Choices) else value

import io

import pytest

from ganbench import display
from ganbench.progress import Progress, Throttle


@pytest.fixture
def frozen_time(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(display.time, "monotonic", lambda: now[0])
    return now


def test_time_left_follows_cost_and_progress(frozen_time):
    clock = display.Clock({"long": 3.0, "short": 1.0})
    assert clock.seconds_left is None
    frozen_time[0] += 30  # of preparation, which is no trial's work
    clock.update(Progress("long", "training", 0, 100))
    frozen_time[0] += 60
    clock.update(Progress("short", "ok"))
    assert clock.fraction == pytest.approx(0.25)
    assert clock.seconds_left == pytest.approx(180)
    clock.update(Progress("long", "training", 50, 100))
    assert clock.fraction == pytest.approx(0.25 + 0.75 * 0.45)
    clock.update(Progress("preparation", "training", 1, 100))  # not a trial: no part of the estimate
    assert clock.fraction == pytest.approx(0.25 + 0.75 * 0.45)


def test_while_nothing_is_trained_the_stage_has_its_own_time_left(frozen_time):
    clock = display.Clock({"a": 1.0})
    clock.update(Progress("preparation", "drawing images", 0, 100))
    assert clock.left(Progress("preparation", "drawing images", 0, 100)) == "–:–– left of this stage"
    frozen_time[0] += 10
    clock.update(Progress("preparation", "drawing images", 25, 100))
    assert clock.left(Progress("preparation", "drawing images", 25, 100)) == "0:30 left of this stage"
    clock.update(Progress("preparation", "features", 0, 10))
    frozen_time[0] += 2
    assert clock.left(Progress("preparation", "features", 5, 10)) == "0:02 left of this stage"


def test_progress_never_runs_backwards():
    clock = display.Clock({"a": 1.0})
    clock.update(Progress("a", "evaluation", 0, 5))
    clock.update(Progress("a", "training", 1, 100))
    assert clock.fraction == pytest.approx(display.TRAINING_SHARE)


def test_plain_lines_name_trial_stage_losses_and_time_left(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(display.sys, "stderr", stream)
    with display.PlainDisplay({"cyclegan · seed 0": 1.0}) as show:
        show(Progress("cyclegan · seed 0", "training", 1, 800, {"adversarial": 0.5}))
        for step in range(2, 50):  # within the same seconds: not worth a line each
            show(Progress("cyclegan · seed 0", "training", step, 800))
        show(Progress("cyclegan · seed 0", "failed", note="out of memory"))
    lines = stream.getvalue().splitlines()
    assert len(lines) == 2
    assert "cyclegan · seed 0: training 1/800 · adversarial 0.5" in lines[0]
    assert "left" in lines[0]
    assert "failed · out of memory" in lines[1]


def test_bars_show_trials_by_name_even_with_markup(monkeypatch):
    from rich.console import Console

    show = display.LiveDisplay({"a[b]": 1.0})
    stream = io.StringIO()
    show._bars.live.console = Console(file=stream, force_terminal=True, width=120)
    with show:
        show(Progress("a[b]", "training", 5, 10, {"loss": 1.0}))
        show(Progress("a[b]", "ok", 1, 1))
    assert "a[b]" in stream.getvalue()


@pytest.mark.parametrize(("seconds", "text"), [(None, "–:––"), (5, "0:05"), (605, "10:05"), (7325, "2:02:05")])
def test_minutes(seconds, text):
    assert display.minutes(seconds) == text


def test_a_throttle_keeps_what_matters():
    seen = []
    throttle = Throttle(seen.append, seconds=1000)
    for step in range(1, 11):
        throttle(Progress("a", "training", step, 10))
    throttle(Progress("a", "evaluation", 0, 5))
    throttle(Progress("a", "evaluation", 1, 5, note="LPIPS is missing"))
    assert [(p.stage, p.step) for p in seen] == [
        ("training", 1), ("training", 10), ("evaluation", 0), ("evaluation", 1)
    ]  # fmt: skip

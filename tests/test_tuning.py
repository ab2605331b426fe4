"""Searches of options, before anything runs: what a suite may ask for, what is drawn, who is given up when."""

from dataclasses import replace

import pytest

from ganbench.errors import InputError
from ganbench.results.record import Rung, SearchNotes
from ganbench.results.store import SEARCH_FILE, find_record, read_profile, write_record
from ganbench.spec import SearchPart, make_specs
from ganbench.tuning.rungs import describe_rung, judge_rung, rungs
from ganbench.tuning.search import plan_searches, resolve
from ganbench.tuning.space import Choices, Range, draw, read_axis
from ganbench.variants import describe, load_suite

TUNING = """tuning:
  trials: 3
  metric: colour_l
  space: {lr: [1.0e-4, 1.0e-2, log], reconstruction: [l1, l2]}
profiles:
"""


@pytest.fixture
def tuned(tiny_suite):
    """Write the tiny suite with a search, and with replacements."""

    def write(*replacements):
        return tiny_suite(
            ("[half_cycle]", "[half_cycle, cyclegan]"), ("[sharpness]", "[colour]"), ("profiles:\n", TUNING),
            *replacements,
        )  # fmt: skip

    return write


@pytest.fixture
def searches(tuned, colour_data, results):
    """Plan the searches of the tiny suite on other data, with replacements; return (searches, specs of the rows)."""

    def plan(*replacements, seeds=None):
        loaded = load_suite(tuned(*replacements))
        specs = make_specs(loaded, "cpu", colour_data, results, seeds)
        return plan_searches(loaded, "cpu", specs, colour_data)[0], specs

    return plan


def problems(path):
    with pytest.raises(InputError) as caught:
        load_suite(path)
    return caught.value.problems


def test_ranges_and_choices_give_their_ends_and_nothing_outside():
    log, linear = read_axis([1e-4, 1e-2, "log"]), read_axis([-2.0, 2.0, "linear"])
    whole, choices = read_axis([1, 4, "linear"]), read_axis(["lsgan", "hinge"])
    assert (log, whole, choices) == (Range(1e-4, 1e-2, True), Range(1, 4, False), Choices(("lsgan", "hinge")))
    assert log.at(0) == 1e-4
    assert log.at(0.5) == pytest.approx(1e-3)
    assert linear.at(0.5) == 0
    shares = [k / 1000 for k in range(1000)]
    counts = [sum(whole.at(share) == k for share in shares) for k in (1, 2, 3, 4)]
    assert sum(counts) == 1000
    assert max(counts) - min(counts) <= 2
    assert isinstance(whole.at(0.3), int)
    assert {choices.at(share) for share in shares} == {"lsgan", "hinge"}
    wide = read_axis([1, 1000, "log"])
    assert (wide.at(0), wide.at(0.9999)) == (1, 1000)


def test_what_is_drawn_follows_from_seed_option_and_trial_alone():
    lr, beta = read_axis([1e-4, 1e-2, "log"]), read_axis([0.0, 0.9, "linear"])
    both = [draw({"lr": lr, "beta1": beta}, 7, trial, 0) for trial in range(20)]
    assert both == [draw({"beta1": beta, "lr": lr}, 7, trial, 0) for trial in range(20)]
    assert [each["lr"] for each in both] == [draw({"lr": lr}, 7, trial, 0)["lr"] for trial in range(20)]
    assert len({each["lr"] for each in both}) == 20
    assert both[0] != draw({"lr": lr, "beta1": beta}, 8, 0, 0)
    assert {each["lr"] < 1e-3 for each in both} == {True, False}


def test_every_row_gets_the_same_number_of_trials_on_seeds_of_their_own(searches):
    found, specs = searches(("seeds: [0]", "seeds: [0, 5]"))
    assert [search.base.label for search in found] == ["cyclegan", "half_cycle"]
    trials = {search.base.label: search.trials() for search in found}
    assert {len(each) for each in trials.values()} == {3}
    searched = {spec.seed for each in trials.values() for spec in each}
    assert len(searched) == 3
    assert not searched & {spec.seed for spec in specs}
    assert [spec.options["lr"] for spec in trials["cyclegan"]] == [spec.options["lr"] for spec in trials["half_cycle"]]
    assert {search.base.label: search.lacking for search in found} == {
        "cyclegan": (),
        "half_cycle": ("reconstruction",),
    }


def test_a_seed_that_the_suite_takes_is_no_search_seed(searches):
    first, *others = [spec.seed for spec in searches()[0][0].trials()]
    seeds = [spec.seed for spec in searches(("seeds: [0]", f"seeds: [0, {first}]"))[0][0].trials()]
    assert seeds[:2] == others
    assert first not in seeds


def test_a_search_stays_the_same_with_other_seeds_of_the_command_and_goes_on_with_more_trials(searches):
    def options(*replacements, **arguments):
        return [[spec.training_hash for spec in search.trials()] for search in searches(*replacements, **arguments)[0]]

    assert options() == options(seeds=[3, 4])
    longer = options(("trials: 3", "trials: 6"))
    assert [each[:3] for each in longer] == options()
    assert {len(each) for each in longer} == {6}


def test_search_trials_lie_apart_and_see_validation_images_in_place_of_test_images(searches, colour_data):
    found, specs = searches()
    held = colour_data.with_validation_as_test()
    for domain in ("a", "b"):
        assert (held.images(domain, "test") == colour_data.images(domain, "val")).all()
        assert held.labels(domain, "test") == colour_data.labels(domain, "val")
    first = found[0].trials()[0]
    assert first.data_fingerprint == held.fingerprint != specs[0].data_fingerprint
    assert first.directory.is_relative_to(specs[0].directory.parent / "search")
    assert first.metrics == ("colour",)


def test_a_share_of_the_steps(searches):
    found, _ = searches(("  trials: 3\n", "  trials: 3\n  share: 0.5\n"))
    assert [spec.steps for spec in found[0].trials()] == [2, 2, 2]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("lr: [1.0e-4, 1.0e-2, log]", "lr: [1.0e-2, 1.0e-4, log]", "tuning: space.lr: is upside down"),
        ("lr: [1.0e-4, 1.0e-2, log]", "lr: [0, 1.0e-2, log]", "space.lr: a range on a log scale must begin above 0"),
        ("lr: [1.0e-4, 1.0e-2, log]", "lr: [low, 1.0e-2, log]", "space.lr: the ends of a range must be numbers"),
        ("lr: [1.0e-4, 1.0e-2, log]", "lr: [1.0e-4]", "space.lr: must be a range, or two or more different choices"),
        ("lr: [1.0e-4, 1.0e-2, log]", "lr: [1.0e-4, 5.0, log]", "method half_cycle: lr: input should be less than or"),
        ("lr: [1.0e-4, 1.0e-2, log]", "lr: [1.0e-4, 1.0e-2, lgo]", "lr: input should be a valid number"),
        ("lr: [1.0e-4, 1.0e-2, log]", "rl: [1.0e-4, 1.0e-2, log]", "no method of this suite has the option 'rl'"),
        ("lr: [1.0e-4, 1.0e-2, log]", "steps: [1, 9, linear]", "no method of this suite has the option 'steps'"),
        ("metric: colour_l", "metric: kid", "tuning: metric: the metrics of profile cpu give no value 'kid'"),
        ("metric: colour_l", "metric: colour_chroma", "neither high nor low values of 'colour_chroma' are better"),
        ("trials: 3", "trials: 0", "tuning: trials: must be at least 1. Got 0"),
        ("trials: 3", "trails: 3", "unknown key 'tuning.trails'. Did you mean 'trials'?"),
        ("[half_cycle, cyclegan]", "[identity]", "the suite has baselines alone, so there is nothing to search"),
        ("seeds: [0]", "grid: {lr: [0.1, 0.2]}\nseeds: [0]", "space.lr: the grid gives this option already"),
        ("[half_cycle, cyclegan]", "[{name: cyclegan, lr: 0.1}]", "every method that has this option gives it itself"),
        (
            "profiles:\n  cpu: {",
            "profiles:\n  cpu: {tuning: {trials: -1}, ",
            "profile cpu: tuning: trials: must be at least 1. Got -1",
        ),
    ],
)
def test_bad_searches_are_refused_with_file_line_and_key(tuned, old, new, said):
    path = tuned((old, new))
    found = [problem for problem in problems(path) if said in problem]
    assert found, problems(path)
    assert found[0].startswith(f"{path}:")


def test_all_problems_of_a_search_are_told_together(tuned):
    path = tuned(
        ("lr: [1.0e-4, 1.0e-2, log]", "lr: [1.0e-2, 1.0e-4, log], rl: [1, 2], beta1: [0, 0.9, log]"),
        ("metric: colour_l", "metric: colour_b2"),
        ("half_cycle", "half_cycel"),
        ("trials: 3", "trials: 0"),
    )
    found = "\n".join(problems(path))
    for said in ("trials: must be at least 1", "upside down", "space.beta1", "colour_b2", "half_cycel"):
        assert said in found


def test_validate_says_what_the_search_costs(tuned):
    assert "search: 3 trial(s) for each of half_cycle, cyclegan; 24 steps beside the 8 of the rows" in describe(
        load_suite(tuned())
    )


def refusing(search, highest):
    """Return the search of a method that refuses learning rates above ``highest``, but for its own of 2e-4."""

    class Options(search.variant.cls.Options):
        def conflicts(self):
            if self.lr > highest and self.lr != 2e-4:
                yield "lr is too high"

    class Fussy(search.variant.cls):
        pass

    Fussy.Options = Options
    return replace(search, variant=replace(search.variant, cls=Fussy))


def test_a_combination_that_a_method_refuses_is_drawn_again_and_where_all_are_the_suite_is_refused(searches):
    search = searches()[0][0]
    plain, tame = ([spec.options["lr"] for spec in each.trials()] for each in (search, refusing(search, 2e-4)))
    assert max(plain) > 2e-4 >= max(tame)
    assert len(plain) == len(set(tame)) == 3
    with pytest.raises(InputError, match="100 combinations in a row were refused"):
        refusing(search, 0).trials()


def test_rungs_lie_at_a_third_and_a_ninth():
    assert rungs(900) == (100, 300)
    assert rungs(5) == (1,)
    assert rungs(2) == ()


@pytest.fixture
def climb(searches, finished):
    """Let search trials come to a rung one after the other with the given scores; return whether each was kept."""
    template = find_record(next(finished.glob("tiny/cpu/half_cycle-*")))
    spec = searches()[0][0].trials()[0]

    def run(*scores, higher_is_better=True):
        kept = []
        for number, score in enumerate(scores):
            part = SearchPart(
                folder=f"up-{higher_is_better}", number=number, metric="m", higher_is_better=higher_is_better
            )
            trial = spec.model_copy(update={"search": part, "seed": number})
            rung = judge_rung(trial, 10, score)
            notes = SearchNotes(number=number, metric="m", higher_is_better=higher_is_better, rungs=[rung])
            status = "interrupted" if rung.kept else "stopped"
            write_record(trial.directory, template.model_copy(update={"search": notes, "status": status}))
            kept.append(rung.kept)
        return kept

    return run


def test_a_trial_goes_on_if_it_is_among_the_best_third_of_those_that_came_as_far(climb):
    assert climb(5, 4, 6, 5.5, 7, 6.5, 5.8, 7) == [True, False, True, False, True, True, False, True]
    assert climb(5, 4, 6, higher_is_better=False) == [True, True, False]


def test_search_records_are_no_results(climb, results, cli):
    before = len(read_profile(results / "tiny" / "cpu").records)
    climb(1, 2, 3)
    assert len(list(results.rglob(SEARCH_FILE))) == 3
    assert len(read_profile(results / "tiny" / "cpu").records) == before
    for folder in (results, results / "tiny", results / "tiny" / "cpu"):
        code, out, err = cli("report", folder, "--csv")
        assert code == 0, err
        assert len(out.splitlines()) == 1 + before
    search = next(results.rglob(SEARCH_FILE))
    code, _, err = cli("reproduce", search)
    assert code == 2
    assert "is a trial of a search" in err


def test_without_a_finished_trial_a_row_keeps_the_suites_options(searches, finished):
    found, specs = searches()
    template = find_record(next(finished.glob("tiny/cpu/half_cycle-*")))
    for spec in found[0].trials():
        notes = SearchNotes(number=spec.search.number, metric="colour_l", higher_is_better=True)
        write_record(spec.directory, template.model_copy(update={"search": notes, "status": "failed", "metrics": {}}))
    assert found[0].is_over
    assert found[0].winner() is None
    assert [spec.options for spec in resolve(specs, found)] == [spec.options for spec in specs]


def test_a_rung_is_told_in_words():
    rung = Rung(step=3, score=1.0, among=6, better=4, kept=False)
    assert describe_rung(rung, 9) == "given up after step 3 of 9: 4 of the 5 others that had come as far did better"


@pytest.fixture
def scored(searches, finished):
    """Write records of the first search: number → (status, score); return the search."""
    template = find_record(next(finished.glob("tiny/cpu/half_cycle-*")))
    measured = next(iter(template.metrics.values()))

    def write(*outcomes):
        search = searches()[0][0]
        for spec, (status, score) in zip(search.trials(), outcomes, strict=True):
            rungs = [Rung(step=1, score=score, among=1, better=0, kept=status == "ok")]
            notes = SearchNotes(number=spec.search.number, metric="colour_l", higher_is_better=True, rungs=rungs)
            metrics = {"colour_l": measured.model_copy(update={"value": score})} if status == "ok" else {}
            changes = {"search": notes, "status": status, "metrics": metrics}
            write_record(spec.directory, template.model_copy(update=changes))
        return search

    return write


@pytest.mark.parametrize(
    ("outcomes", "winner", "of_low_ones"),
    [
        ([("ok", 0.2), ("ok", 0.7), ("ok", 0.4)], 1, 0),
        ([("ok", 0.7), ("ok", 0.7), ("ok", 0.4)], 0, 2),
        ([("stopped", 0.9), ("ok", 0.5), ("failed", 0.1)], 1, 1),
    ],
)
def test_the_best_of_those_that_were_finished_wins_and_of_equals_the_first(scored, outcomes, winner, of_low_ones):
    search = scored(*outcomes)
    assert search.is_over
    assert search.winner().search.number == winner
    quantity = replace(search.wanted.quantity, higher_is_better=False)
    assert replace(search, wanted=replace(search.wanted, quantity=quantity)).winner().search.number == of_low_ones


def test_a_search_waits_for_the_trials_that_were_interrupted(scored):
    search = scored(("ok", 0.2), ("interrupted", 0.7), ("ok", 0.4))
    assert not search.is_over
    assert [spec.search.number for spec in search.open_trials()] == [1]

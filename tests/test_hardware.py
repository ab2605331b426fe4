import gc
import time
import weakref

import pytest

from ganbench import hardware
from ganbench.errors import InputError
from ganbench.hardware import check_nodes, check_resources, release_memory


def test_a_trial_must_fit_on_one_node():
    have = {"a": (8.0, 1.0), "b": (4.0, 1.0), "c": (16.0, 0.0)}
    assert check_nodes(1, 0.5, have, "profile gpu") == ["a", "b"]
    assert check_nodes(5, 1, have, "profile gpu") == ["a"]
    with pytest.raises(InputError) as refused:
        check_nodes(1, 2, have, "profile gpu")
    text = str(refused.value)
    assert "none has 1 CPU cores and 2 GPUs" in text
    for name, (cores, gpus) in have.items():
        assert f"{name}: {cores:g} CPU cores, {gpus:g} GPUs" in text


def test_one_and_a_half_gpus_are_refused_with_whatever_else_is_wrong():
    with pytest.raises(InputError) as refused:
        check_resources(3, 1.5, 2, 1, "profile gpu")
    assert len(refused.value.problems) == 3
    assert "a fraction of one GPU, or a whole number. Got 1.5" in str(refused.value)


class Node:
    pass


def test_memory_in_cycles_is_given_back_trial_by_trial():
    release_memory()  # spares what is there now from later collections
    one = Node()
    one.self = one
    gone = weakref.ref(one)
    del one
    gc.disable()
    try:
        release_memory()
    finally:
        gc.enable()
    assert gone() is None


def test_a_second_release_takes_a_fraction_of_the_first():
    def seconds():
        started = time.process_time()
        release_memory()
        return time.process_time() - started

    gc.unfreeze()  # as in a process that imported all this and released nothing yet, whatever tests ran before
    hardware._freeze_libraries.cache_clear()
    first = seconds()
    assert min(seconds() for _ in range(5)) < first / 3

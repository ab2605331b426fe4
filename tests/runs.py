"""Helpers of the tests that run whole suites."""

from ganbench.results.store import read_profile

TIMES = ("timings", "provenance", "curve")


def records(results):
    return {record.label: record for record in read_profile(results / "tiny" / "cpu").records.values()}


def content(record):
    """What must be the same in two runs: everything but times."""
    fields = record.model_dump(exclude=set(TIMES))
    curve = [{key: value for key, value in row.items() if key != "seconds"} for row in record.curve]
    return {**fields, "curve": curve}


def run_serial(cli, suite, results, *flags):
    return cli("run", suite, "--engine", "serial", "--results", results, *flags)

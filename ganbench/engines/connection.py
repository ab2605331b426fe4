"""Whether a Ray cluster answers at an address, found out in seconds and without importing Ray here."""

from __future__ import annotations

import socket
import subprocess
import sys

from ganbench.errors import InputError

CONNECT_SECONDS = 6.0  # for a cluster to answer, once Ray is imported
CONNECT = "import sys, ray; print(flush=True); ray.init(sys.argv[1], log_to_driver=False)"
REFUSED = (
    "it asks for its token: export RAY_AUTH_MODE=token here, and bring the head's ~/.ray/auth_token, or name its "
    "content in RAY_AUTH_TOKEN"
)


def check_address(address: str) -> None:
    """Raise `InputError` within seconds where no cluster answers: `ray.init` takes minutes, then ends the process."""
    host, _, port = address.rpartition(":")
    if address != "auto" and (not host or not port.isdecimal() or "/" in address):
        raise InputError(
            f"--ray-address must be host:port of a running Ray cluster, such as 10.0.0.1:6379, or auto. Got {address!r}"
            " instead. (A ray:// address is for clients outside a cluster: start the run on one of its nodes.)"
        )
    if address != "auto":
        try:
            socket.create_connection((host, int(port)), CONNECT_SECONDS / 2).close()
        except (OSError, OverflowError) as error:
            raise InputError(unreachable(address, str(error))) from None
    if problem := _try_to_connect(address):
        raise InputError(unreachable(address, problem))


def _try_to_connect(address: str) -> str:
    """Connect in a process of its own; return what went wrong. The clock runs from when Ray is imported there."""
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", CONNECT, address], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None  # noqa: S101
        process.stdout.readline()
        try:
            _, error = process.communicate(timeout=CONNECT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            _, error = process.communicate()
            return REFUSED if "InvalidAuthToken" in error else f"no answer within {CONNECT_SECONDS:g} s"
    return error.strip().splitlines()[-1] if process.returncode else ""


def unreachable(address: str, reason: str) -> str:
    """Return the error of an address where no cluster answers."""
    return (
        f"--ray-address: no Ray cluster answers at {address!r} ({reason}). Start one (ray start --head), let this "
        "machine join it (ray start --address HOST:PORT), and give the address that the head prints."
    )

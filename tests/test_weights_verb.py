import hashlib
import json
from dataclasses import replace

import pytest
from file_server import serving

from ganbench.nets import efficientnet
from ganbench.nets.weights import WEIGHTS, WeightsFile

CONTENT = bytes(range(256)) * 4096  # 1 MiB


@pytest.fixture
def server():
    with serving(CONTENT, "/net.pth") as (address, handler):
        yield address, handler


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """Let weights lie in an empty folder alone."""
    monkeypatch.setenv("GANBENCH_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path / "hub"))
    return tmp_path / "weights"


@pytest.fixture
def known(monkeypatch, folder, server):
    """Let there be one file of weights, which the server has."""
    file = WeightsFile(
        name="net",
        title="A network",
        digests={"net.pth": hashlib.sha256(CONTENT).hexdigest(), "rounded.pth": hashlib.sha256(b"rounded").hexdigest()},
        url=f"{server[0]}/net.pth",
        size=len(CONTENT),
        licence="free",
        source="this test",
        notes={"rounded.pth": "half precision"},
    )
    WEIGHTS.names()
    monkeypatch.setattr(WEIGHTS, "_things", {"net": file})
    return file


def test_fetch_brings_a_file_whole_and_only_once(cli, known, folder, server):
    code, out, err = cli("weights", "fetch", "net")
    assert code == 0
    assert (folder / "net.pth").read_bytes() == CONTENT
    assert [path.name for path in folder.iterdir()] == ["net.pth"]
    assert out.strip() == str(folder / "net.pth")
    assert "100 %" in err
    assert cli("weights", "fetch", "net")[0] == 0
    assert len(server[1].asked) == 1


def test_broken_download_is_resumed_where_it_ended(cli, known, folder, server):
    server[1].limit = 300_000
    code, _, err = cli("weights", "fetch", "net")
    assert code == 2
    assert "broke off after 300000 of 1048576 bytes" in err
    assert not (folder / "net.pth").exists()
    server[1].limit = None
    assert cli("weights", "fetch", "net")[0] == 0
    assert server[1].asked == [None, "bytes=300000-"]
    assert (folder / "net.pth").read_bytes() == CONTENT


def test_server_without_ranges_is_asked_for_the_whole_again(cli, known, folder, server):
    server[1].ranges = False
    folder.mkdir()
    (folder / "net.pth.part").write_bytes(b"something else")
    assert cli("weights", "fetch", "net")[0] == 0
    assert (folder / "net.pth").read_bytes() == CONTENT


def test_download_that_had_only_to_be_verified(cli, known, folder, server):
    folder.mkdir()
    (folder / "net.pth.part").write_bytes(CONTENT)
    assert cli("weights", "fetch", "net")[0] == 0
    assert (folder / "net.pth").read_bytes() == CONTENT


def test_other_content_is_not_kept(cli, known, folder, server):
    server[1].content = b"x" * 1000
    code, _, err = cli("weights", "fetch", "net")
    assert code == 2
    assert known.sha256 in err
    assert hashlib.sha256(b"x" * 1000).hexdigest() in err
    assert list(folder.iterdir()) == []


def test_offline_says_what_to_bring_where(cli, known, folder, monkeypatch):
    offline = replace(known, url="http://127.0.0.1:1/net.pth")  # nothing listens there
    monkeypatch.setattr(WEIGHTS, "_things", {"net": offline})
    code, _, err = cli("weights", "fetch", "net")
    assert code == 2
    for part in (str(folder / "net.pth"), f"curl -L -o net.pth {offline.url}", "refused", "ganbench weights verify"):
        assert part in err
    assert "Traceback" not in err


def test_address_that_is_gone_names_the_answer(cli, known, monkeypatch):
    monkeypatch.setattr(WEIGHTS, "_things", {"net": replace(known, url=known.url + "x")})
    code, _, err = cli("weights", "fetch", "net")
    assert code == 2
    assert "404" in err


def test_unknown_name_and_extractor_without_file(cli, known):
    code, _, err = cli("weights", "fetch", "nett")
    assert code == 2
    assert "Did you mean 'net'?" in err
    assert "needs no file" in cli("weights", "fetch", "efficientnet-lite0")[2]


def test_better_file_is_fetched_where_only_a_lesser_one_is(cli, known, folder):
    folder.mkdir()
    (folder / "rounded.pth").write_bytes(b"rounded")
    assert "half precision" in cli("weights", "list")[1]
    assert cli("weights", "fetch", "net")[0] == 0
    assert (folder / "net.pth").exists()


def test_list_names_file_licence_and_command(cli, known, folder):
    code, out, _ = cli("weights", "list")
    assert code == 0
    for part in ("net", "missing", "ganbench weights fetch net", known.sha256, "free", known.url):
        assert part in out
    entry = json.loads(cli("weights", "list", "--json")[1])[0]
    assert entry["found"] is None
    assert (entry["name"], entry["bytes"], entry["sha256"]) == ("net", len(CONTENT), known.sha256)
    cli("weights", "fetch", "net")
    assert json.loads(cli("weights", "list", "--json")[1])[0]["found"] == str(folder / "net.pth")


def test_verify_names_the_damaged_files(cli, known, folder):
    cli("weights", "fetch", "net")
    code, out, _ = cli("weights", "verify")
    assert code == 0
    assert out.count("sound") == 2  # the embedded extractor's file too
    (folder / "net.pth").write_bytes(CONTENT[:-1])
    (folder / "rounded.pth").write_bytes(b"edged")
    code, out, err = cli("weights", "verify")
    assert code == 2
    assert out.count("damaged ") == 2
    assert str(folder / "net.pth") in err
    assert str(folder / "rounded.pth") in err


def test_verify_without_the_embedded_weights(cli, known, monkeypatch):
    monkeypatch.setattr(efficientnet, "SHA256", "0" * 64)
    code, _, err = cli("weights", "verify")
    assert code == 2
    assert "efficientnet-lite0" in err

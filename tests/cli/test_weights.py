"""`rangegeo weights`: what it prints and leaves, in this process and in processes that are killed."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from helpers import hubserver
from helpers.hubserver import left, point_to
from helpers.malice import Touch
from oracles import golden
from typed import hear_interrupts

from rangegeo.support import disk as room
from rangegeo.weights.cache import file_sha256
from rangegeo.weights.published import PUBLISHED

ENCODER, DATABASE = "satclip-vit16-l40.ckpt", "range_db_large.npz"
CHUNK = 10 * 2**20  # bytes that huggingface_hub writes at a time
PLACE = "microsoft/SatCLIP-ViT16-L40/resolve"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    """The miniature checkpoint with an image tower, as published ones have: larger than what is written at a time."""
    content = torch.load(golden.GOLDEN / "satclip-mini.ckpt", weights_only=True)
    content["state_dict"]["model.visual.proj"] = torch.ones(6, 2**20)
    path = tmp_path_factory.mktemp("published") / ENCODER
    torch.save(content, path)
    return path


@pytest.fixture
def hub(checkpoint) -> Iterator[hubserver.Hub]:
    places = {
        f"{PLACE}/main/{ENCODER}": checkpoint,
        f"{PLACE}/v1/{ENCODER}": golden.GOLDEN / "satclip-mini-l10.ckpt",
        f"datasets/mvrl/RANGE-database/resolve/main/{DATABASE}": golden.GOLDEN / "range_db_mini.npz",
    }
    with hubserver.serve(places) as server:
        yield server


@pytest.fixture
def here(hub, tmp_path, monkeypatch) -> hubserver.Hub:
    """The hub, asked by this very process, and empty caches."""
    point_to(hub.url, tmp_path / "hf" / "hub", monkeypatch)
    monkeypatch.setenv("RANGEGEO_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    return hub


def kept(folder: Path) -> list[str]:
    """What lies in both caches, but for locks."""
    return left(folder / "hf" / "hub") + left(folder / "cache")


def kept_whole(folder: Path) -> bool:
    """Whether both caches hold the two files, their commits and converted forms, and nothing else."""
    hashes = [file.name for file in (folder / "hf").rglob("blobs/*")]
    forms = [path.name for path in (folder / "cache").glob("*.safetensors")]
    assert len(hashes) == len(forms) == 2
    return kept(folder) == sorted([*hashes, ENCODER, DATABASE, "main", "main"]) + sorted(forms)


# -------------------------------------------------------------------------------------------- in this process


def test_pull_then_work_offline(here, rangegeo, tmp_path, monkeypatch, checkpoint):
    """Everything that --weights official --db large needs, then without a hub."""
    pulled = rangegeo("weights", "pull")
    assert pulled.code == 0, pulled.err
    encoder, database = map(Path, pulled.out.splitlines())
    assert file_sha256(encoder) == file_sha256(checkpoint)
    assert file_sha256(database) == file_sha256(golden.GOLDEN / "range_db_mini.npz")
    assert pulled.err.splitlines() == [
        "satclip-vit16-l40: downloading 26.0 MB of 26.0 MB",
        f"{ENCODER}: checking and converting",
        "satclip-vit16-l40: ready, 26.0 MB",
        "range_db_large: downloading 168.8 kB of 168.8 kB",
        f"{DATABASE}: checking and converting",
        "range_db_large: ready, 168.8 kB",
    ]
    assert kept_whole(tmp_path)

    point_to("http://127.0.0.1:9", tmp_path / "hf" / "hub", monkeypatch)
    official = ("--weights", "official", "--db", "large", "-q")
    made = rangegeo("raster", "--bbox", "5,44,6,45", "--res", "0.25", *official, "-o", "out.zarr")
    assert (made.code, made.out, made.err) == (0, "out.zarr\n", "")
    attributes = json.loads(Path("out.zarr/embedding/zarr.json").read_text())["attributes"]
    assert (attributes["encoder_file"], attributes["database_file"]) == (ENCODER, DATABASE)
    assert attributes["encoder_sha256"] == file_sha256(checkpoint)
    assert kept_whole(tmp_path)  # the converted forms were those that it used

    again = rangegeo("weights", "pull")  # in a script that runs on a node without network, too
    assert again.code == 0
    assert again.out == pulled.out
    assert again.err.splitlines()[0] == (
        "satclip-vit16-l40: the hub did not answer for it; the file of the cache is whole and is kept"
    )
    checked = rangegeo("weights", "verify")
    assert checked.code == 0
    assert checked.out.splitlines() == [
        "satclip-vit16-l40  file OK       converted OK",
        "range_db_large     file OK       converted OK",
    ]


def test_pull_again_downloads_nothing(here, rangegeo):
    rangegeo("weights", "pull")
    here.stored.clear()
    again = rangegeo("weights", "pull", "RANGE+", "official", "range_db_large")
    assert again.code == 0
    assert again.err.splitlines() == ["satclip-vit16-l40: ready, 26.0 MB", "range_db_large: ready, 168.8 kB"]
    assert here.stored == []


def test_pull_the_weights_of_another_model_and_work_offline(here, rangegeo, tmp_path):
    here.files["MVRL/sinr-location-encoder-1000-cls/resolve/main/model.safetensors"] = (
        golden.GOLDEN / "sinr_mini" / "model.safetensors"
    )
    assert rangegeo("weights", "pull", "SINR", "-q").code == 0
    here.faults.status = 500
    here.asked.clear()
    made = rangegeo(
        *("raster", "--model", "SINR", "--weights", "official", "-q"),
        *("--bbox", "5,44,6,45", "--res", "0.25", "-o", "sinr.zarr"),
    )
    assert (made.code, made.err) == (0, "")
    assert here.asked == []
    (converted,) = (tmp_path / "cache").glob("*.safetensors")
    assert converted.name.startswith("sinr-model-")


def test_pull_by_name_and_quietly(here, rangegeo):
    pulled = rangegeo("weights", "pull", "med", "-q")
    assert pulled.code == 1
    pulled = rangegeo("weights", "pull", "large", "-q")
    assert (pulled.code, pulled.err) == (0, "")
    assert Path(pulled.out.strip()).name == DATABASE
    assert [name for name, _ in here.downloads] == [DATABASE]


def test_pull_from_a_mirror(here, rangegeo, tmp_path, monkeypatch):
    point_to("http://127.0.0.1:9", tmp_path / "hf" / "hub", monkeypatch)
    assert rangegeo("weights", "pull", "--endpoint", here.url + "/").code == 0
    wrong = rangegeo("weights", "pull", "--endpoint", "mirror.example.org")
    assert wrong.code == 2
    assert wrong.err == (
        "rangegeo: --endpoint must be an address such as https://hub.example.org, got mirror.example.org\n"
    )


def test_pull_a_revision_and_use_it_by_its_path(here, rangegeo):
    pulled = rangegeo("weights", "pull", "satclip-vit16-l40", "--revision", "v1", "-q")
    assert pulled.code == 0
    facts = json.loads(rangegeo("info", pulled.out.strip(), "--json").out)
    assert facts["sha256"] == file_sha256(golden.GOLDEN / "satclip-mini-l10.ckpt")
    several = rangegeo("weights", "pull", "--revision", "v1")
    assert several.code == 2
    assert several.err == (
        "rangegeo: --revision belongs to one repository, got files of several: satclip-vit16-l40, range_db_large\n"
    )


def refuses(ran, *said: str) -> None:
    """Exit code 1 and one last line."""
    assert (ran.code, ran.out) == (1, "")
    line = ran.err.splitlines()[-1]
    for words in said:
        assert words in line
    assert line.startswith("rangegeo: ")
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"status": 401}, "HTTP status 401, set HF_TOKEN"),
        ({"status": 404}, "HTTP status 404, nothing of that name"),
        ({"status": 500}, "HTTP status 500"),
        ({"storage_status": 403}, "HTTP status 403"),
        ({"storage_status": 500}, "HTTP status 500"),
        ({"other_hash": "a" * 64}, f"instead of {'a' * 64} and was removed"),
        ({"other_size": 1000}, "bytes instead of 1000 and was removed"),
        ({"headers": frozenset(["X-Repo-Commit"])}, "did not state the commit, size or hash"),
        ({"cut": 1000}, "broke off ("),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_after_a_fault_the_cache_is_clean_and_pull_works(here, rangegeo, tmp_path, fault, said):
    here.faults = hubserver.Faults(**fault)
    refuses(rangegeo("weights", "pull"), f"could not download {ENCODER} of microsoft/SatCLIP-ViT16-L40: ", said)
    assert kept(tmp_path) == []  # not even a beginning: none of these arrived in a whole chunk
    here.faults = hubserver.Faults()
    assert rangegeo("weights", "pull").code == 0
    assert kept_whole(tmp_path)


def test_a_second_file_that_fails_leaves_the_first(here, rangegeo, tmp_path):
    place = f"datasets/mvrl/RANGE-database/resolve/main/{DATABASE}"
    content = here.files.pop(place)
    refuses(rangegeo("weights", "pull"), f"could not download {DATABASE} of mvrl/RANGE-database: HTTP status 404")
    assert kept(tmp_path) == []  # what is not there is known before anything is downloaded
    here.files[place] = content
    assert rangegeo("weights", "pull").code == 0


def test_a_disk_without_room_is_refused_before_the_first_byte(here, rangegeo, tmp_path, monkeypatch):
    usage = room.shutil.disk_usage(".")
    monkeypatch.setattr(room.shutil, "disk_usage", lambda folder: usage._replace(free=52_000_000))
    refuses(rangegeo("weights", "pull"), "rangegeo: up to 52.4 MB are needed but the disk of", "has 52.0 MB free")
    assert here.stored == []
    assert kept(tmp_path) == []


def test_pickled_code_is_downloaded_but_never_run_nor_converted(here, rangegeo, tmp_path):
    witness = tmp_path / "ran"
    evil = tmp_path / ENCODER
    torch.save({"hyper_parameters": Touch(witness), "state_dict": {}}, evil)
    here.files[f"{PLACE}/main/{ENCODER}"] = evil
    for command in (("weights", "pull"), ("weights", "convert", str(evil))):
        refuses(rangegeo(*command), "was refused: it holds pickled code")
    assert not witness.exists()
    assert left(tmp_path / "cache") == []


def test_verify_finds_damage_and_pull_repairs_it(here, rangegeo, tmp_path):
    encoder = Path(rangegeo("weights", "pull").out.splitlines()[0])
    with encoder.open("r+b") as file:
        file.seek(20_000_000)
        file.write(b"damage")
    (converted,) = (tmp_path / "cache").glob("database-*.safetensors")
    content = bytearray(converted.read_bytes())
    content[-1] ^= 1
    converted.write_bytes(content)
    checked = rangegeo("weights", "verify")
    assert checked.code == 1
    assert checked.out.splitlines() == [
        "satclip-vit16-l40  file damaged  converted missing",
        "range_db_large     file OK       converted damaged",
    ]
    assert checked.err == (
        "rangegeo: 2 of 2 files are damaged or missing; type rangegeo weights pull satclip-vit16-l40 range_db_large\n"
    )
    assert rangegeo("weights", "pull", "satclip-vit16-l40", "range_db_large").code == 0
    assert rangegeo("weights", "verify", "range+", "-q") == rangegeo("weights", "verify", "-q")
    assert rangegeo("weights", "verify").code == 0


def test_verify_where_links_do_not_work(here, rangegeo):
    """The cache then holds a copy, whose hash is only known from the conversion."""
    path = Path(rangegeo("weights", "pull", "large").out.strip())
    content = path.read_bytes()
    times = path.stat()
    blob = path.resolve()
    path.unlink()
    blob.rename(path)
    assert rangegeo("weights", "verify").out == "range_db_large  file unknown  converted missing\n"
    here.stored.clear()
    rangegeo("weights", "pull", "large")
    assert here.stored == []
    assert rangegeo("weights", "verify").code == 0
    path.write_bytes(content[:-1] + b"x")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    checked = rangegeo("weights", "verify")
    assert checked.code == 1
    assert checked.out == "range_db_large  file damaged  converted OK\n"


def test_verify_says_what_is_missing(here, rangegeo):
    nothing = rangegeo("weights", "verify")
    assert nothing.code == 1
    assert nothing.err.endswith("; type rangegeo weights pull\n")
    rangegeo("weights", "pull", "large")
    checked = rangegeo("weights", "verify", "RANGE+")
    assert checked.code == 1
    assert checked.out.splitlines() == [
        "satclip-vit16-l40  file missing  converted missing",
        "range_db_large     file OK       converted OK",
    ]
    assert checked.err.endswith("1 of 2 files is damaged or missing; type rangegeo weights pull satclip-vit16-l40\n")


def test_list_says_what_is_here(here, rangegeo, tmp_path):
    (path,) = rangegeo("weights", "pull", "large").out.splitlines()
    listed = rangegeo("weights", "list")
    assert listed.code == 0
    lines = listed.out.splitlines()
    assert lines[0].split() == ["name", "size", "here", "licence", "path,", "or", "where", "it", "comes", "from"]
    assert [line.split()[0] for line in lines[1:]] == list(PUBLISHED)
    by_name = {line.split()[0]: line for line in lines}
    assert by_name["range_db_large"].split()[1:5] == ["168.8", "kB", "yes,", "converted"]
    assert by_name["range_db_large"].endswith(path)
    assert by_name["satclip-vit16-l40"].endswith("model microsoft/SatCLIP-ViT16-L40")
    assert "by hand" in by_name["csp"]
    assert listed.err == f"downloads: {tmp_path}/hf/hub (HF_HOME)\nconverted: {tmp_path}/cache (RANGEGEO_CACHE)\n"
    assert here.stored == here.stored[:1]


def test_list_as_json(here, rangegeo):
    (path,) = rangegeo("weights", "pull", "large").out.splitlines()
    listed = rangegeo("weights", "list", "--json", "-q")
    facts = {row["name"]: row for row in json.loads(listed.out)}
    large, csp = facts["range_db_large"], facts["csp"]
    assert (large["path"], large["present"], large["converted"]) == (path, True, True)
    assert large["bytes"] == Path(path).stat().st_size
    assert Path(large["converted_path"]).is_file()
    assert (csp["present"], csp["bytes_about"], csp["repo"]) == (False, None, None)
    assert csp["archive"].startswith("https://")


def test_convert_says_where_the_converted_form_lies(rangegeo, tmp_path, monkeypatch):
    monkeypatch.setenv("RANGEGEO_CACHE", str(tmp_path / "cache"))
    of = {"satclip-mini.ckpt": "satclip", "range_db_mini.npz": "database", "csp_fmow_mini.pth.tar": "csp"}
    for name, kind in of.items():
        ran = rangegeo("weights", "convert", golden.GOLDEN / name)
        assert (ran.code, ran.err) == (0, f"{name}: checking and converting\n")
        path = Path(ran.out.strip())
        assert path.parent == tmp_path / "cache"
        assert path.name.startswith(f"{kind}-")
        assert path.is_file()
        assert rangegeo("weights", "convert", golden.GOLDEN / name) == type(ran)(0, ran.out, "")


def test_convert_refuses_in_one_line(rangegeo, tmp_path, monkeypatch):
    (tmp_path / "text.ckpt").write_text("text")
    refuses(rangegeo("weights", "convert", tmp_path / "text.ckpt"), "text.ckpt is damaged or not a PyTorch checkpoint")
    missing = rangegeo("weights", "convert", "none.ckpt")
    assert missing.code == 2
    assert "none.ckpt" in missing.err
    monkeypatch.setenv("RANGEGEO_CACHE", str(tmp_path / "text.ckpt"))
    closed = rangegeo("weights", "convert", golden.GOLDEN / "range_db_mini.npz")
    refuses(closed, "the converted form of range_db_mini.npz could not be written", "point RANGEGEO_CACHE to another")


def test_what_is_no_published_file_is_refused(rangegeo):
    for command in ("pull", "verify"):
        ran = rangegeo("weights", command, "satclip-l40")
        assert ran.code == 2
        assert ran.err == (
            "rangegeo: expected a published file or a model with one, got 'satclip-l40'; "
            "type rangegeo weights list for their names\n"
        )


def test_without_a_subcommand_help_is_printed(rangegeo):
    ran = rangegeo("weights")
    assert (ran.code, ran.err) == (2, "")
    for name in ("list", "pull", "verify", "convert"):
        assert f"\n  {name} " in ran.out


# ---------------------------------------------------------------------------------------- in other processes


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def start(hub, tmp_path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a command line in a process of its own; what still runs at the end is killed."""
    running: list[subprocess.Popen[str]] = []

    def command(*arguments: str, code: str = "", **more: object) -> subprocess.Popen[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        environment |= {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf"), "NO_PROXY": "127.0.0.1"}
        environment |= {"HF_HUB_DOWNLOAD_TIMEOUT": "120"}  # nothing is given up while a test holds it
        environment |= {"RANGEGEO_CACHE": str(tmp_path / "cache"), **more.pop("env", {})}
        program = ["-c", f"{code}\nfrom rangegeo.cli.main import main\nmain()"] if code else ["-m", "rangegeo"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "preexec_fn": hear_interrupts} | more
        running.append(
            subprocess.Popen([sys.executable, *program, *arguments], cwd=tmp_path, env=environment, text=True, **pipes)
        )
        return running[-1]

    yield command
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_download_goes_on_where_it_was(hub, start, tmp_path, how):
    hub.faults.hold = CHUNK + CHUNK // 2
    killed = start("weights", "pull")
    assert hub.faults.held.wait(60)
    (partial,) = (tmp_path / "hf").rglob("*.incomplete")
    until(lambda: partial.stat().st_size >= CHUNK)
    killed.send_signal(how)
    out, err = killed.communicate(timeout=60)
    assert out == ""
    if how in (signal.SIGINT, signal.SIGTERM):
        assert killed.returncode == 130
        assert err.splitlines()[-1] == (
            "rangegeo: interrupted; what has arrived is kept, and the same command goes on from there"
        )
    else:
        assert killed.returncode == -how
    assert "Traceback" not in err
    assert kept(tmp_path) == [partial.name]
    hub.faults = hubserver.Faults()
    hub.stored.clear()
    again = start("weights", "pull")
    out, err = again.communicate(timeout=120)
    assert again.returncode == 0, err
    assert hub.downloads == [(ENCODER, CHUNK), (DATABASE, 0)]
    assert err.splitlines()[0] == "satclip-vit16-l40: downloading 15.5 MB of 26.0 MB"
    assert kept_whole(tmp_path)


def test_a_killed_conversion_leaves_no_half(hub, start, tmp_path):
    """Killed while it writes: the next pull removes what is there of it."""
    code = """
import os, signal
from pathlib import Path
from rangegeo.weights import converted

def half(tensors, path, metadata):
    Path(path).write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)

converted.save_file = half
"""
    killed = start("weights", "pull", code=code)
    assert killed.wait(60) == -signal.SIGKILL
    (unfinished,) = (tmp_path / "cache").glob(".satclip-*")
    assert [path.read_bytes() for path in unfinished.iterdir() if path.name != "lock"] == [b"half"]
    again = start("weights", "pull")
    assert again.wait(120) == 0
    assert kept_whole(tmp_path)


def test_two_pulls_at_once_download_and_convert_once(hub, start, tmp_path):
    hub.faults.hold = CHUNK
    first = start("weights", "pull")
    assert hub.faults.held.wait(60)
    second = start("weights", "pull")
    until(lambda: len(hub.asked) == 5)  # each asked for both files, the first also for its download
    time.sleep(0.2)
    assert second.poll() is None
    hub.faults.release.set()
    outputs = [process.communicate(timeout=120) for process in (first, second)]
    assert [process.returncode for process in (first, second)] == [0, 0], outputs
    assert outputs[0][0] == outputs[1][0]
    assert hub.downloads == [(ENCODER, 0), (DATABASE, 0)]
    assert kept_whole(tmp_path)


def test_a_disk_that_fills_up_is_one_line_and_pull_goes_on(hub, start, tmp_path):
    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (CHUNK, CHUNK))

    full = start("weights", "pull", preexec_fn=little_room)
    _, err = full.communicate(timeout=60)
    assert full.returncode == 1
    last = err.splitlines()[-1]
    assert "File too large" in last
    assert "10.5 MB of 26.0 MB are kept, the next try goes on from there" in last
    assert [Path(name).suffix for name in kept(tmp_path)] == [".incomplete"]
    hub.stored.clear()
    assert start("weights", "pull").wait(120) == 0
    assert hub.downloads[0] == (ENCODER, CHUNK)
    assert kept_whole(tmp_path)


def test_a_hub_that_cannot_be_reached_is_said_in_seconds(start, tmp_path):
    begin = time.monotonic()
    process = start("weights", "pull", env={"HF_ENDPOINT": "http://127.0.0.1:9"})
    out, err = process.communicate(timeout=60)
    assert time.monotonic() - begin < 20  # most of it to import torch on a busy machine; huggingface_hub alone tries 23
    assert (process.returncode, out) == (1, "")
    (line,) = err.splitlines()
    assert line.startswith(f"rangegeo: could not download {ENCODER} of microsoft/SatCLIP-ViT16-L40: 127.0.0.1:9 cannot")
    assert kept(tmp_path) == []


def test_a_token_is_used_and_neither_printed_nor_kept(hub, start, tmp_path):
    hub.faults.token = "hf_secret"
    without = start("weights", "pull", "-vv")
    assert without.wait(60) == 1
    process = start("weights", "pull", "-vv", env={"HF_TOKEN": "hf_secret"})
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "hf_secret" not in out + err
    assert {request.token for request in hub.stored} == {""}
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in files if b"hf_secret" in path.read_bytes()]


def test_a_terminal_has_a_bar_unless_it_shall_be_quiet(hub, start, tmp_path):
    shown = {}
    for name, options in (("loud", ()), ("quiet", ("-q",))):
        terminal, end = os.openpty()
        fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
        process = start("weights", "pull", "official", *options, stderr=end, env={"HF_HOME": str(tmp_path / name)})
        os.close(end)
        shown[name] = ""
        try:
            while read := os.read(terminal, 65536):
                shown[name] += read.decode()
        except OSError:  # the other end was closed
            pass
        os.close(terminal)
        assert process.wait(60) == 0
    assert f"{ENCODER}: 100%" in shown["loud"]
    assert shown["quiet"] == ""

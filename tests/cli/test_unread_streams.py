"""Standard output and standard error that cannot be written: the work is done all the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from typed import MINI

import rangegeo as rg

SMALL = ("raster", "--bbox", "5,44,6,45", "--res", "0.5", "--bands", "1-3", *MINI, "-o", "a.tif")
pytestmark = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device that is always full is of Linux")


def shell(folder, redirected: str, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [
            "bash",
            "-c",
            f'"$@" {redirected}; exit ${{PIPESTATUS[0]}}',
            "bash",
            sys.executable,
            "-m",
            "rangegeo",
            *arguments,
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_full_standard_error_ends_no_run(tmp_path):
    done = shell(tmp_path, "2>/dev/full", *SMALL)
    assert (done.returncode, done.stdout) == (0, "a.tif\n")
    assert rg.open_cube(tmp_path / "a.tif").notnull().all()


def test_a_reader_of_remarks_that_leaves_ends_no_run(tmp_path):
    done = shell(tmp_path, "2>&1 >path.txt | head -c 1", *SMALL)
    assert (done.returncode, (tmp_path / "path.txt").read_text()) == (0, "a.tif\n")
    assert rg.open_cube(tmp_path / "a.tif").notnull().all()


def test_a_path_that_cannot_be_printed_is_told(tmp_path):
    done = shell(tmp_path, ">/dev/full", *SMALL, "-q")
    said = "rangegeo: a.tif was written; its path could not be printed: No space left on device\n"
    assert (done.returncode, done.stderr) == (1, said)
    assert rg.open_cube(tmp_path / "a.tif").notnull().all()


@pytest.mark.parametrize("ignored", [False, True])
def test_a_closed_terminal_interrupts_a_run_unless_nohup_says_otherwise(tmp_path, ignored):
    line = [sys.executable, "-m", "rangegeo", "raster", "--bbox", "5,44,15,54", "--res", "0.01", *MINI, "-o", "a.zarr"]
    handler = signal.SIG_IGN if ignored else signal.SIG_DFL
    run = subprocess.Popen(
        [*line, "--exact", "--chunks", "16"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, handler),
    )
    try:
        while not list(tmp_path.glob(".a.zarr-unfinished/journal/cube/*.json")) and run.poll() is None:
            time.sleep(0.05)
        run.send_signal(signal.SIGHUP)
        if ignored:
            with pytest.raises(subprocess.TimeoutExpired):
                run.wait(timeout=1)
        else:
            _, said = run.communicate(timeout=60)
            assert run.returncode == 130
            assert said.splitlines()[-1].startswith("rangegeo: interrupted; ")
    finally:
        run.kill()
        run.communicate()

"""``mt-attack`` as people use it and misuse it: files, pipes, terminals, and models of their own."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml
from PIL import Image

from mt_torchattacks import files
from mt_torchattacks.cli import main
from mt_torchattacks.data._readers.files import read_image
from mt_torchattacks.evaluation import Store

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
PROGRAM = [sys.executable, "-c", "from mt_torchattacks.cli import main; raise SystemExit(main())"]

MEASURE = ["evaluate", "--attack", "fgsm", "--images", "1", "--device", "cpu"]
DRAW = ["layouts", "draw", "nyuv2/41", "--output"]
LONG = 300 * "a"


def _record(folder: Path, name: str, make: Callable[[Path], object]) -> None:
    """A checkpoint whose weights are no matter, as its record is not one."""
    (folder / f"{name}.safetensors").write_bytes(b"")
    make(folder / f"{name}.json")


@pytest.fixture(name="folder")
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("x")
    _record(tmp_path, "deep", lambda path: path.write_text(1000 * "[" + 1000 * "]"))
    _record(tmp_path, "deeper", lambda path: path.write_text(100_000 * "["))
    _record(tmp_path, "device", lambda path: path.symlink_to("/dev/zero"))
    _record(tmp_path, "folder", Path.mkdir)
    _record(tmp_path, "missing", lambda path: None)
    (tmp_path / "deep.yaml").write_text(f"study: {1000 * '['}{1000 * ']'}")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "rooms3/all-shared", "--epochs", "0"], "--epochs: expected a number >= 1, found 0"),
        (["train", "rooms3/all-shared", "--epochs", "-1"], "--epochs: expected a number >= 1, found -1"),
        pytest.param(
            ["train", "rooms3/all-shared", "--device", "cuda"],
            "device: expected a device that is here",
            marks=pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU"),
        ),
        ([*DRAW, "/dev/full"], "ending of /dev/full: expected one of 'png'"),
        ([*DRAW, "file/layout.png"], "File exists: 'file'"),
        (["layouts", "random", "--count", "-1"], "--count: expected a number >= 1, found -1"),
        (["layouts", "random", "--tasks", "2000"], "--tasks: expected a number from 1 to 64, found 2000"),
        (["layouts", "show", 1000 * "[" + 1000 * "]"], "nested too deeply"),
        (["data", "check", "nyuv2", "~nobody_of_that_name/x"], "root: expected the folder of a user that there is"),
        ([*MEASURE, "--data", "nyuv2:~nobody_of_that_name/x"], "root: expected the folder of a user that there is"),
        (["weights", "--grid-step", "1e-9"], "step: expected at least 0.001, found 1e-09"),
        ([*MEASURE, "--model", "deep"], r"deep.json: expected (a whole file|the keys|a mapping)"),
        ([*MEASURE, "--model", "deeper"], "deeper.json: expected a whole file, found a damaged one"),
        ([*MEASURE, "--model", "device"], "device.json: expected a file, found a device"),
        ([*MEASURE, "--model", "folder"], "folder.json: expected a file, found a folder"),
        ([*MEASURE, "--model", "missing"], "missing.json: expected a file, found none"),
        ([*MEASURE, "--model", LONG], "File name too long"),
        ([*MEASURE, "--data", f"nyuv2:{LONG}"], "File name too long"),
        ([*MEASURE, "--output", LONG], "File name too long"),
        ([*MEASURE, "--output", "a\0b"], "output: expected the name of a folder"),
        ([*MEASURE, "--queries"], "--queries: expected a value, found none"),
        ([*MEASURE, "--eps", ""], "--eps: expected a value, found none"),
        ([*MEASURE, "--eps="], "--eps: expected a value, found none"),
        ([*MEASURE, "--model", ""], "--model: expected a value, found none"),
        ([*MEASURE, "--seed", str(2**70)], "--seed: expected a number below"),
        (["evaluate", "--images", str(2**70)], "cannot fit"),
        (["run", "deep.yaml"], "nested too deeply|expected"),
        (["run", "file/x.yaml"], "Not a directory"),
    ],
)
def test_what_is_wrong_is_one_line(
    words: list[str], message: str, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert re.match(f"mt-attack {words[0]}.*{message}", said.err), said.err


def test_an_image_that_is_too_large_is_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For Pillow's limit, and for the memory there is."""
    path = tmp_path / "image.png"
    Image.new("L", (64, 64)).save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(ValueError, match=r"image.png: expected a PNG or JPEG image, found .*exceeds limit"):
        read_image(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)

    def full(*_: object) -> None:
        raise MemoryError("no memory")

    monkeypatch.setattr(Image.core, "fill", full)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", full)
    with pytest.raises(ValueError, match=r"image.png: expected a PNG or JPEG image, found .*no memory"):
        read_image(path)


def test_a_name_of_255_bytes_is_written(tmp_path: Path) -> None:
    path = tmp_path / f"{251 * 'a'}.txt"
    files.write_whole(path, "whole")
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    cell = Store(tmp_path).path({"model": 300 * "é", "eps": 8})
    assert len(cell.name.encode()) < 255


def test_what_killed_runs_leave_is_removed_after_an_hour(tmp_path: Path) -> None:
    old, new = tmp_path / f".cell.json.{32 * 'a'}", tmp_path / f".cell.json.{32 * 'b'}"
    other, hidden = tmp_path / "cell.json", tmp_path / ".hidden"
    for path in (old, new, other, hidden):
        path.write_text("x")
        os.utime(path, (time.time() - (60 if path == new else 4000),) * 2)
    Store(tmp_path)
    assert set(tmp_path.iterdir()) == {new, other, hidden}
    os.utime(new, (time.time() - 4000,) * 2)
    assert main(["layouts", "random"]) == 0  # no store
    assert new.exists()
    files.remove_stale(tmp_path)
    assert not new.exists()


def test_the_damaged_cell_of_a_store_may_be_deep(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.path({"a": 1}).write_text(100_000 * "[")
    with pytest.warns(UserWarning, match="not a whole cell"):
        assert store.cell({"a": 1}, lambda: 3) == 3


def test_a_broken_pipe_is_no_error() -> None:
    """As in ``mt-attack layouts list | head -1``; Python's last flush says nothing either."""
    reading, writing = os.pipe()
    os.close(reading)
    for words in (["--help"], ["list", "attacks"]):
        with subprocess.Popen([*PROGRAM, *words], stdout=writing, stderr=subprocess.PIPE, env=ENVIRONMENT) as process:
            assert process.communicate()[1] == b""
        assert process.returncode == 0
    os.close(writing)


OWN = """
import torch
import mt_torchattacks as mta


class Heads(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer = torch.nn.Conv2d(3, 2, 3, padding=1)

    def forward(self, images):
        left, right = self.layer(images).split(1, dim=1)
        return {"left": left, "right": right}


class Pairs(torch.utils.data.Dataset):
    tasks = mta.Tasks(left=mta.losses.L1(), right=mta.losses.MSE())

    def __len__(self):
        return 4

    def __getitem__(self, i):
        image = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(i))
        return image, {"left": image[:1], "right": image[1:2]}


def slow():
    import signal
    import time
    signal.signal(signal.SIGINT, signal.default_int_handler)  # as in a terminal; in the background shells ignore it
    print("started", flush=True)
    time.sleep(600)
"""


@pytest.fixture(name="own", scope="module")
def _own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    (folder / "own_models").mkdir()
    for path in ("own.py", "own_models/__init__.py", "own_models/pairs.py"):
        (folder / path).write_text(OWN)
    return folder


def _sources(model: str, data: str) -> list[str]:
    return ["evaluate", "--model", model, "--data", data, "--images", "4", "--attack", "fgsm", "--device", "cpu"]


def _all_of(terminal: int) -> str:
    """What was shown on a terminal whose other end is closed."""
    shown = b""
    with contextlib.suppress(OSError):  # how Linux says that there is no more
        while part := os.read(terminal, 1000):
            shown += part
    os.close(terminal)
    return shown.decode()


def test_json_is_all_that_is_printed_and_terminals_get_a_bar(own: Path) -> None:
    """Standard error is a terminal: a bar on it and no line a cell; standard output has JSON alone."""
    terminal, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    words = [*PROGRAM, *_sources("own.py:Heads", "own.py:Pairs"), "--json", "--output", "terminal"]
    with subprocess.Popen(words, cwd=own, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=end) as process:
        os.close(end)
        out = process.communicate()[0]
    shown = _all_of(terminal)
    assert process.returncode == 0, shown
    assert {row["task"] for row in json.loads(out)["clean"]} == {"left", "right"}
    assert "cells: " in shown and "1/1" in shown
    assert "[1/1]" not in shown
    assert {"command", "options", "versions", "device", "seeds", "digests", "started", "seconds"} == set(
        json.loads((own / "terminal/run.json").read_text("utf-8"))
    )


def test_ctrl_c_is_one_line_and_130(own: Path) -> None:
    words = [*PROGRAM, *_sources("own.py:slow", "own.py:Pairs")]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(words, cwd=own, env=ENVIRONMENT, text=True, **pipes) as process:  # type: ignore[call-overload]
        assert process.stdout.readline() == "started\n"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "mt-attack evaluate: interrupted\n")


def test_a_model_and_data_of_a_package(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same numbers as from a file."""
    monkeypatch.chdir(own)
    monkeypatch.syspath_prepend(own)
    frames = []
    for number, place in enumerate(("own.py", "own_models.pairs")):
        assert main([*_sources(f"{place}:Heads", f"{place}:Pairs"), "--output", f"{number}", "--quiet"]) == 0
        frames.append((own / f"{number}/arp.csv").read_text("utf-8"))
    assert frames[0] == frames[1]
    assert "left" in frames[0]


def test_the_printed_options_of_a_command_are_a_file_for_it(
    own: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(own)
    words = [*_sources("own.py:Heads", "own.py:Pairs"), "--eps", "4/255", "0.03", "--quiet", "--output", "whole"]
    assert main([*words, "--print-config"]) == 0
    printed = capsys.readouterr().out
    assert yaml.safe_load(printed)["eps"] == ["4/255", "7.65/255"]
    (own / "options.yaml").write_text(printed)
    assert main(["evaluate", "--config", "options.yaml", "--print-config"]) == 0
    assert capsys.readouterr().out == printed
    assert main(words) == main(["evaluate", "--config", "options.yaml", "--output", "again"]) == 0
    assert capsys.readouterr() == ("", "")
    names = ("arp.csv", "metrics.csv")
    whole, again = ([(own / folder / name).read_text() for name in names] for folder in ("whole", "again"))
    assert whole == again


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_knows_commands_options_and_names(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("shtab")
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    words = {"worst-case", "layouts"}  # tcsh has the second level only where it has room
    words |= set() if shell == "tcsh" else {"--batch-size", "dgba", "AutoSAGA", "rooms3/independent"}
    assert not [word for word in words if word not in script]


def test_completion_in_bash(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    pytest.importorskip("shtab")
    assert main(["completion", "bash"]) == 0
    (tmp_path / "completion.sh").write_text(capsys.readouterr().out)
    ask = f"""
source {tmp_path}/completion.sh
complete -p mt-attack | grep -o '_shtab[a-z_]*' > /dev/null
for line in "mt-attack wor" "mt-attack layouts ra" "mt-attack evaluate --balance sign" "mt-attack evaluate --batch"; do
    COMP_WORDS=($line); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMPREPLY=()
    $(complete -p mt-attack | grep -o '_shtab[a-z_]*'); echo "${{COMPREPLY[@]}}"
done
"""
    found = subprocess.run(["bash", "-c", ask], text=True, capture_output=True, check=True).stdout.split("\n")
    assert found[:4] == ["worst-case", "random", "sign_total", "--batch-size"]

"""MATLAB files, as SciPy writes them."""

from __future__ import annotations

import io
import random
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from mt_torchattacks.data._readers.files import read_mat
from mt_torchattacks.data._readers.mat5 import variables

KINDS = ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"]
CONTENT = {
    **{kind: np.array([[1, 2, 3], [4, 5, 100]], kind) for kind in KINDS},
    "one": np.array([[7]], np.uint8),
    "none": np.zeros((0, 1)),
    "a_name_with_more_than_eight_letters": np.arange(1000.0)[None],
    "names": np.array(["wall", "floor"], dtype=object),
    "text": "no number",
    "fields": {"a": 1.0},
}


def written(compressed: bool) -> bytes:
    file = io.BytesIO()
    scipy.io.savemat(file, CONTENT, do_compression=compressed)
    return file.getvalue()


@pytest.mark.parametrize("compressed", [False, True])
def test_numeric_variables_are_read_and_others_left_out(compressed: bool) -> None:
    read = dict(variables(written(compressed)))
    assert set(read) == set(CONTENT) - {"names", "text", "fields"}
    for name, values in read.items():
        assert values.tolist() == np.asarray(CONTENT[name]).ravel("F").tolist()


@pytest.mark.parametrize("compressed", [False, True])
def test_damage_is_an_error_with_the_files_name_or_does_no_harm(compressed: bool, tmp_path: Path) -> None:
    whole, generator, path = written(compressed), random.Random(0), tmp_path / "some.mat"
    failed = 0
    for _ in range(300):
        damaged = bytearray(whole[: generator.choice([len(whole), generator.randrange(len(whole))])])
        for _ in range(generator.randint(0, 3)):
            damaged[generator.randrange(len(damaged))] = generator.randrange(256)
        path.write_bytes(damaged)
        try:
            read_mat(path, "one")
        except ValueError as error:
            failed += "some.mat" in str(error)
    assert failed > 100

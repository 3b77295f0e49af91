"""The study of evasion: the detector by hand, its curve, and that a preserved disagreement does not rise."""

from __future__ import annotations

import pytest
import torch

import mt_torchattacks as mta
from mt_torchattacks.models import WithOutputs
from mt_torchattacks.studies.evasion import (
    DISAGREEMENT,
    HOWS,
    Case,
    Evasion,
    EvasionStudy,
    area,
    disagreement,
    evading,
    outlines,
    seen,
)


def test_outlines_by_hand() -> None:
    """A step of (3, 4) between the columns: 5 where the next column differs, next to nothing elsewhere."""
    output = torch.zeros(1, 2, 3, 3)
    output[:, 0, :, 2], output[:, 1, :, 2] = 3.0, 4.0
    expected = torch.tensor([[[0.0, 5.0], [0.0, 5.0]]])
    torch.testing.assert_close(outlines(output), expected, atol=1e-3, rtol=0)


def test_outlines_in_the_same_places_agree_and_in_other_places_do_not() -> None:
    labels = torch.zeros(2, 2, 8, 8)
    labels[:, 0, :, :4], labels[:, 1, :, 4:] = 50.0, 50.0  # the border is between the columns 3 and 4
    normals = torch.zeros(2, 3, 8, 8)
    normals[0, 0, :, :4] = normals[0, 1, :, 4:] = 1.0
    normals[1, 0, :4] = normals[1, 1, 4:] = 1.0  # between the rows 3 and 4
    same, other = disagreement({"segmentation": labels, "normal": normals}).tolist()
    assert same == pytest.approx(0, abs=1e-4)
    assert other == pytest.approx(1 - 1 / 7, abs=1e-3)  # seven pixels each, of which they share one


def test_seen_and_area_by_hand() -> None:
    clean = [i / 100 for i in range(101)]  # one in twenty is above 0.95
    assert seen(clean, [0.94, 0.96, 0.5, 2.0]) == 0.5
    assert area([0.1, 0.3], [0.2, 0.4]) == 0.75  # 0.2 is above one of two, 0.4 above both


def test_a_preserved_disagreement_does_not_rise_within_a_budget_and_less_with_a_penalty() -> None:
    model, rooms = mta.models.zoo("rooms3/independent"), mta.data.Rooms(length=3, seed=1)
    images, targets = torch.utils.data.default_collate([rooms[i] for i in range(3)])
    watched = WithOutputs(model, **{DISAGREEMENT: disagreement})
    with torch.no_grad():
        before = watched(images)[DISAGREEMENT]
    rises = {}
    for how in HOWS:
        attack = evading(watched, mta.standard_tasks(rooms.tasks), how, "dgba", eps=8 / 255, steps=8)
        found = attack(images, {**targets, DISAGREEMENT: torch.zeros(3)})
        with torch.no_grad():
            rises[how] = watched(found)[DISAGREEMENT] - before
    assert rises["a budget"].max() <= 1e-5
    assert rises["nothing"].mean() > rises["a penalty"].mean()
    assert rises["nothing"].mean() > 0.02


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="how: expected one of"):
        evading(torch.nn.Identity(), mta.standard_tasks(["depth"]), "magic", "dgba", eps=8 / 255, steps=1)


def test_the_table_has_the_detector_and_the_harm() -> None:
    value = {"clean": [0.1, 0.2], "attacked": [0.3, 0.15], "arp": {"depth": 12.0}, "total": 12.0}
    (table,) = EvasionStudy().tables(Evasion({Case("m", 8 / 255, "nothing"): value}, "title"))
    row = table.frame.iloc[0]
    assert (row["seen (%)"], row["area (%)"], row["ARP depth"], row["eps"]) == (50.0, 75.0, 12.0, "8/255")

"""Shares of losses that rise along a rule's direction, and along its sign."""

from __future__ import annotations

from pathlib import Path

import pytest

from mt_torchattacks.evaluation import NamedModel, Store, load_data
from mt_torchattacks.models import zoo
from mt_torchattacks.studies.sign_and_conflict import ConflictOptions, Conflicts, SignAndConflict

MODEL = "rooms3/all-shared"


@pytest.fixture(name="found", scope="module")
def _found(tmp_path_factory: pytest.TempPathFactory) -> Conflicts:
    model, data = NamedModel(MODEL, zoo(MODEL)), load_data("rooms", MODEL, images=1)
    folder: Path = tmp_path_factory.mktemp("conflict")
    options = ConflictOptions(arp=False)
    return SignAndConflict().run(Store(folder), lambda names: [model], lambda *_: data, options, progress=False)


def test_rules_that_promise_to_lower_no_loss_do_so_along_their_direction(found: Conflicts) -> None:
    shares = found.shares
    places = [f"{MODEL}, clean images", f"{MODEL}, after 10 steps of PGD, dgba"]
    assert list(shares) == places
    assert {"total", "dgba", "upgrad", "mgda"} <= set(shares[places[0]])
    assert all(0 <= share <= 1 for place in shares.values() for of in place.values() for share in of[:4])
    assert all(place[rule].along == 1 for place in shares.values() for rule in ("upgrad", "mgda", "dualproj"))


def test_the_tables_show_the_shares_in_percent(found: Conflicts) -> None:
    table = SignAndConflict().tables(found)[0]
    assert table.title == f"{MODEL}, clean images: percent of (image, task) pairs whose loss rises"
    row = table.frame.set_index("rule").loc["upgrad"]
    assert row["along d"] == 100.0
    assert row["along sign(d)"] == 100 * found.shares[f"{MODEL}, clean images"]["upgrad"].along_sign

"""What numbers say of claims: in tables whose answer is known."""

from __future__ import annotations

from typing import Any

import pandas
import pytest

from mt_torchattacks.recipes import Claim, judge, published_table

MODELS = list("abcde")


def table(dgba: list[float], total: list[float], **more: list[float]) -> pandas.DataFrame:
    rules = {"dgba": dgba, "total": total, **more}
    rows = [{"rule": rule, "model": m, "arp": v} for rule, of in rules.items() for m, v in zip(MODELS, of, strict=True)]
    return pandas.DataFrame(rows)


def claim(**of: Any) -> Claim:
    return Claim.parse({"says": "", "table": "t", "column": "arp"} | of, "claim")


MORE = {"of": {"rule": "dgba"}, "than": {"rule": "total"}, "over": ["model"]}


@pytest.mark.parametrize(
    ("dgba", "total", "verdict"),
    [
        ([5.0, 6, 7, 8, 9], [1.0, 2, 2, 3, 4], "holds"),
        ([1.0, 2, 2, 3, 4], [5.0, 6, 7, 8, 9], "does not hold"),
        ([1.0, 2, 3, 4, 5], [2.0, 1, 4, 3, 5.5], "undecided"),
    ],
)
def test_more_compares_pairs(dgba: list[float], total: list[float], verdict: str) -> None:
    found = judge(claim(**MORE), table(dgba, total))
    assert found.verdict == verdict
    assert found.value == pytest.approx(sum(dgba) / 5 - sum(total) / 5)
    assert found.pairs == 5


def test_pairs_are_matched_by_what_they_agree_in_and_not_by_their_order() -> None:
    rows = table([5.0, 6, 7, 8, 9], [1.0, 2, 3, 4, 5])
    assert judge(claim(**MORE), rows) == judge(claim(**MORE), rows.sample(frac=1, random_state=0))


def test_of_several_rows_the_largest_counts() -> None:
    rows = table([5.0] * 5, [0.0] * 5, **{"single:a": [1.0, 9, 1, 9, 1], "single:b": [9.0, 1, 9, 1, 9]})
    found = judge(claim(of={"rule": "dgba"}, than={"rule": "single:*"}, over=["model"]), rows)
    assert (found.value, found.verdict) == (-4.0, "does not hold")


def test_what_is_not_independent_is_averaged_first() -> None:
    rows = pandas.concat([table([5.0, 6, 7, 8, 9], [1.0, 2, 3, 4, 5]).assign(eps=eps) for eps in (4, 8)])
    every = judge(claim(**MORE | {"over": ["model", "eps"]}), rows)
    by_model = judge(claim(**MORE | {"over": ["model", "eps"], "unit": "model"}), rows)
    assert (every.pairs, by_model.pairs) == (10, 5)


def test_two_columns_of_a_row_and_a_factor() -> None:
    rows = pandas.DataFrame({"arp": [3.0, 4, 5.5], "other": [1.0, 2, 2]})
    assert judge(claim(than_column="other"), rows).verdict == "holds"
    assert judge(claim(than_column="other", factor=3.0), rows).value == pytest.approx((0 - 2 - 0.5) / 3)


def test_at_most() -> None:
    rows = pandas.DataFrame({"arp": [0.1, 0.2, 0.15]})
    assert judge(claim(at_most=1.0), rows).verdict == "holds"
    assert judge(claim(at_most=0.01), rows).verdict == "does not hold"


def test_rises_within_groups() -> None:
    rows = pandas.DataFrame(
        {"arp": [1.0, 2, 3, 4, 5, 6, 7] * 2, "blocks": [*range(7)] * 2, "task": ["a"] * 7 + ["b"] * 7}
    )
    found = judge(claim(rises_with="blocks", over=["task"]), rows)
    assert (found.verdict, found.pairs) == ("holds", 7)
    assert found.value == pytest.approx(1.0)
    falling = rows.assign(arp=-rows["arp"])
    assert judge(claim(rises_with="blocks", over=["task"]), falling).verdict == "does not hold"
    few = rows[rows["blocks"] < 3]
    assert judge(claim(rises_with="blocks", over=["task"]), few).verdict == "undecided"


def test_one_pair_decides_nothing() -> None:
    rows = table([5.0, 6, 7, 8, 9], [1.0, 2, 3, 4, 5])
    assert judge(claim(**MORE), rows[rows["model"] == "a"]).verdict == "undecided"


def test_the_published_tables_say_what_the_paper_says() -> None:
    columns = {"variant": "rule", "arp_percent": "arp"}
    rows = published_table("white_box_arp", {"dataset": "nyuv2", "attack": "pgd", "eps_255": 8}, columns)
    found = judge(claim(**MORE), rows)
    assert (found.verdict, found.pairs) == ("holds", 25)


@pytest.mark.parametrize(
    ("of", "message"),
    [
        ({}, "claim: expected one of than, than_column, rises_with and at_most, found none"),
        ({"than": {}, "at_most": 1}, "claim: expected one of than"),
        ({"thann": {}}, "thann"),
    ],
)
def test_a_claim_of_no_form_is_refused(of: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        claim(**of)


def test_missing_columns_and_rows_are_named() -> None:
    rows = table([1.0] * 5, [2.0] * 5)
    with pytest.raises(ValueError, match="table t: expected the columns eps, found"):
        judge(claim(**MORE | {"over": ["eps"]}), rows)
    with pytest.raises(ValueError, match="table t: expected rows that the claim is about, found none"):
        judge(claim(**MORE | {"than": {"rule": "nobody"}}), rows)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nothing",), "file: expected one of 'adv_trained_arp'"),
        (("white_box_arp", {"data": 1}), "where: expected one of 'dataset'"),
        (("white_box_arp", {"dataset": "none"}), "where: expected rows of white_box_arp"),
        (("white_box_arp", {}, {"x": "y"}), "columns: expected one of 'dataset'"),
    ],
)
def test_unknown_published_tables_are_refused(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        published_table(*arguments)


def test_a_claim_about_rows_that_there_are_not() -> None:
    rows = table([5.0, 6, 7, 8, 9], [1.0, 2, 2, 3, 4])
    for chosen in ({"rule": "dbga", "model": "a"}, {"model": "z", "rule": "dgba"}):
        with pytest.raises(ValueError, match="table t: expected rows that the claim is about, found none"):
            judge(claim(**MORE | {"of": chosen}), rows)
    with pytest.raises(ValueError, match="table t: expected rows that the claim is about, found none"):
        judge(claim(**MORE | {"than": {"rule": "sum"}}), rows)

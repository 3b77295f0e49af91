from __future__ import annotations

from itertools import pairwise, product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mt_torchattacks.models import Layout, published_layouts
from mt_torchattacks.models.layouts.partitions import partitions


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    num_tasks, num_blocks = draw(st.integers(1, 5)), draw(st.integers(1, 6))
    return Layout.random(num_tasks, num_blocks, torch.Generator().manual_seed(draw(st.integers(0, 10**6))))


def refines(finer: tuple, coarser: tuple) -> bool:
    return all(any(set(group) <= set(wider) for wider in coarser) for group in finer)


@given(layouts(), st.randoms())
def test_any_spelling_gives_the_same_layout(layout: Layout, random) -> None:
    blocks = [[random.sample(group, len(group)) for group in partition] for partition in layout.blocks]
    shuffled = [random.sample(partition, len(partition)) for partition in blocks]
    sets = "[" + ", ".join("[" + ", ".join(f"{{{str(group)[1:-1]}}}" for group in p) + "]" for p in shuffled) + "]"
    for spelling in (shuffled, sets, str(layout), layout):
        assert Layout.parse(spelling) == layout
        assert hash(Layout.parse(spelling)) == hash(layout)


@given(layouts())
def test_blocks_are_partitions_that_refine_the_one_before(layout: Layout) -> None:
    for partition in layout.blocks:
        assert sorted(task for group in partition for task in group) == list(range(layout.num_tasks))
    assert all(refines(finer, coarser) for coarser, finer in pairwise(layout.blocks))


@given(layouts())
def test_parents_are_the_groups_above(layout: Layout) -> None:
    for b, partition in enumerate(layout.blocks):
        above = (layout.tasks,) if b == 0 else layout.blocks[b - 1]
        for group in partition:
            assert [wider for wider in above if set(group) <= set(wider)] == [layout.parent(b, group)]


@pytest.mark.parametrize(("num_tasks", "bell"), [(1, 1), (2, 2), (3, 5), (4, 15), (5, 52)])
def test_number_of_partitions_is_bells(num_tasks: int, bell: int) -> None:
    assert len(set(partitions(range(num_tasks)))) == bell


@pytest.mark.parametrize(("num_tasks", "num_blocks"), [(1, 3), (2, 1), (2, 4), (3, 1), (3, 3), (4, 2), (3, 5)])
def test_enumeration_against_brute_force(num_tasks: int, num_blocks: int) -> None:
    all_partitions = list(partitions(range(num_tasks)))
    brute = {
        blocks
        for blocks in product(all_partitions, repeat=num_blocks)
        if all(refines(finer, coarser) for coarser, finer in pairwise(blocks))
    }
    listed = [layout.blocks for layout in Layout.enumerate(num_tasks, num_blocks)]
    assert len(listed) == len(set(listed)) == Layout.count(num_tasks, num_blocks)
    assert set(listed) == brute


@pytest.mark.parametrize("num_tasks", [3, 4, 5])
def test_enumeration_order(num_tasks: int) -> None:
    """From four tasks on, groups that are split can interleave, as {0, 3} and {1, 2}."""
    listed = list(Layout.enumerate(num_tasks, 2))
    assert listed[0] == Layout.all_shared(num_tasks, 2)
    assert listed[-1] == Layout.independent(num_tasks, 2)

    def strings(layout: Layout) -> list[list[int]]:
        return [[next(i for i, g in enumerate(p) if task in g) for task in layout.tasks] for p in layout.blocks]

    assert [strings(layout) for layout in listed] == sorted(strings(layout) for layout in listed)


def test_random_layouts_are_equally_likely() -> None:
    generator = torch.Generator().manual_seed(0)
    draws = [Layout.random(3, 2, generator) for _ in range(1200)]
    expected = len(draws) / Layout.count(3, 2)
    counts = [draws.count(layout) for layout in Layout.enumerate(3, 2)]
    # Chi-squared with 11 degrees of freedom: 31.3 is its 99.9 % point.
    assert sum((count - expected) ** 2 / expected for count in counts) < 31.3


def test_shared_blocks() -> None:
    assert Layout.all_shared(3, 5).shared_blocks == 5
    assert Layout.independent(3, 5).shared_blocks == 0
    assert Layout.named("nyuv2/38").shared_blocks == 2


def test_published_layouts() -> None:
    published = published_layouts()
    assert len(published) == 35
    assert sum(name.startswith("nyuv2/") for name in published) == 21
    for name, entry in published.items():
        assert entry.layout.num_blocks == 5
        assert entry.layout.num_tasks == (3 if name.startswith("nyuv2/") else 5)
    assert Layout.named("nyuv2/IND") == Layout.independent(3, 5)
    assert Layout.named("tiny_taskonomy/AS") == Layout.all_shared(5, 5)
    assert published["nyuv2/41"].parameters == 61.13
    # What a layout costs depends on its partitions' sizes alone.
    costs = {}
    for name, entry in published.items():
        sizes = tuple(len(partition) for partition in entry.layout.blocks)
        assert costs.setdefault(sizes, entry.parameters) == entry.parameters, name


def test_tree_of_a_layout_that_splits_at_once() -> None:
    assert Layout.parse("[[[0], [1, 2]], [[0], [1], [2]]]").tree("abc").splitlines() == [
        "image",
        "├── blocks 0-1: a",
        "└── block 0: b, c",
        "    ├── block 1: b",
        "    └── block 1: c",
    ]


@pytest.mark.parametrize(
    ("blocks", "error", "message"),
    [
        ([], ValueError, "layout: expected at least one block, found none."),
        ([[]], ValueError, "block 0: expected at least one task, found none."),
        ([[[0, 1]], [[0, 1], []]], ValueError, r"block 1: expected no empty group, found \[\(\), \(0, 1\)\]."),
        ([[[0, 1]], [[0], [0, 1]]], ValueError, r"block 1: expected each of the tasks 0 to 1 exactly once, found \[0"),
        ([[[0, 2]]], ValueError, r"block 0: expected each of the tasks 0 to 1 exactly once, found \[0, 2\]."),
        ([[[0, 1]], [[0]]], ValueError, r"block 1: expected each of the tasks 0 to 1 exactly once, found \[0\]."),
        (
            [[[0, 1, 2]], [[0, 1], [2]], [[0], [1, 2]]],
            ValueError,
            r"block 2: expected groups that each lie within one group of block 1, found \[1, 2\] across \[\[0, 1",
        ),
        ([[[0, "1"]]], TypeError, r"block 0: expected groups of task indices, found \[0, '1'\]."),
        ([[0, 1]], TypeError, "block 0: expected a list or set, found 0."),
        (3, TypeError, "layout: expected a list or set, found 3."),
        ("[[[0, 1]]", ValueError, r"layout: expected nested lists such as .*, found '\[\[\[0, 1\]\]'."),
        ("__import__('os')", ValueError, "layout: expected nested lists"),
        ("[[{{0}, {1}}]]", ValueError, "layout: expected nested lists"),
    ],
)
def test_errors_say_which_block_breaks_which_rule(blocks, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Layout.parse(blocks)


def test_other_errors() -> None:
    for function in (Layout.count, Layout.enumerate, Layout.random):
        with pytest.raises(ValueError, match="num_tasks: expected a number > 0, found 0"):
            function(0, 2)
        with pytest.raises(ValueError, match="num_blocks: expected a number > 0, found -1"):
            function(3, -1)
    with pytest.raises(ValueError, match="name: expected one of 'nyuv2/IND', .* found 'nyuv2/51'"):
        Layout.named("nyuv2/51")
    with pytest.raises(ValueError, match="task_names: expected 3 names, found 2 names"):
        Layout.all_shared(3, 5).tree(["a", "b"])

"""Recipes: a table or figure of a paper as a study, its options, the published numbers, and the claims to judge."""

from typing import TYPE_CHECKING

from mt_torchattacks.lazy import lazily

if TYPE_CHECKING:
    from mt_torchattacks.published import published_table
    from mt_torchattacks.recipes.claims import Claim, Verdict, judge
    from mt_torchattacks.recipes.judged import judged_tables
    from mt_torchattacks.recipes.recipe import StudyRecipe, recipe_files
else:
    lazily(__name__)

__all__ = ["Claim", "StudyRecipe", "Verdict", "judge", "judged_tables", "published_table", "recipe_files"]

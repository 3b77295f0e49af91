"""The page as people use it: in a browser, with a mouse, with a keyboard."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from mt_torchattacks.cli import main

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs a browser: Debian's package chromium")

TOY = ["--model", "tests.toy_data:small", "--data", "tests.toy_data:small_rooms", "--images", "3", "--steps", "1"]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("results")
    for study in ("gallery", "evaluate"):
        more = ["--attack", "fgsm", "pgd", "--balance", "single", "total", "dgba", "--quiet"]
        assert main([study, *TOY, *more, "--output", str(folder / study)]) == 0
    assert main(["report", str(folder), "--quiet"]) == 0
    return f"file://{folder / 'report.html'}"


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, address: str) -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        opened = browser.new_context(color_scheme=request.param, offline=True).new_page()
        errors: list[str] = []
        opened.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        opened.on("pageerror", lambda error: errors.append(str(error)))
        opened.on(
            "request", lambda asked: None if asked.url.startswith(("file:", "data:")) else errors.append(asked.url)
        )
        opened.goto(address)
        yield opened
        browser.close()
        assert errors == []


def column(page: Any, table: str, place: int) -> list[str]:
    cells = page.locator(f"[aria-label='{table}'] tbody tr:not([hidden]) td:nth-child({place})")
    return [text.strip() for text in cells.all_inner_texts()]


def test_sorting_with_the_mouse_and_with_the_keyboard(page: Any) -> None:
    button = page.locator("[aria-label='arp'] th button", has_text="total")
    button.click()
    place = page.locator("[aria-label='arp'] th").count()
    falling = [float(text) for text in column(page, "arp", place)]
    assert falling == sorted(falling, reverse=True)
    button.focus()
    page.keyboard.press("Enter")
    assert [float(text) for text in column(page, "arp", place)] == sorted(falling)
    assert page.locator("[aria-label='arp'] th[aria-sort=ascending]").count() == 1


def test_filtering(page: Any) -> None:
    page.get_by_label("Filter arp").fill("pgd dgba")
    assert column(page, "arp", 1) == ["pgd"]
    assert page.locator(".count").first.inner_text() == "1 of 10 rows"


def test_the_viewer_shows_what_is_picked(page: Any) -> None:
    pictures = page.locator(".viewer .images img")
    before = pictures.nth(1).get_attribute("src")
    page.locator(".which-image").focus()
    page.keyboard.press("ArrowDown")
    assert pictures.nth(1).get_attribute("src") != before
    assert "times 16" in page.locator(".viewer .images figcaption").nth(2).inner_text()
    assert "segmentation" in page.locator(".rises").inner_text()
    assert page.locator(".viewer .outputs img").count() == 3 * 5
    page.locator("input[type=range]").first.fill("0")
    assert "inset(0" in page.locator(".slide img + img").first.evaluate("image => image.style.clipPath")


def test_text_can_be_read_on_its_ground(page: Any) -> None:
    contrast = page.evaluate(
        """() => {
          const channel = c => (c /= 255) <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4;
          const light = text => { const [r, g, b] = text.match(/[\\d.]+/g).map(Number);
            return .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b); };
          const ground = light(getComputedStyle(document.body).backgroundColor);
          return [...document.querySelectorAll("h1, h2, p, td, th, a, label, figcaption")].map(e => {
            const ink = light(getComputedStyle(e).color);
            return (Math.max(ink, ground) + .05) / (Math.min(ink, ground) + .05); });
        }"""
    )
    assert min(contrast) >= 4.5


def test_nothing_is_wider_than_a_phone(page: Any) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

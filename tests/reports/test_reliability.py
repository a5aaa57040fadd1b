"""The reliability diagram: a dot for each bin, where it belongs, and nothing from outside trusted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest

from lookalike.reports import Section, picture_gallery
from lookalike.reports.reliability import EDGE, LARGEST, SIDE, reliability_diagram
from lookalike.results import ReliabilityBin

Parse = Callable[[str], Any]

BINS = (ReliabilityBin(0.1, 0.2, 25, 0.25, 0.5), ReliabilityBin(0.9, 1.0, 100, 1.0, 0.75))


def test_a_dot_for_each_bin_at_its_chance_and_share() -> None:
    root = ElementTree.fromstring(reliability_diagram(BINS, "by <model>"))
    assert root.findtext("figcaption") == "by <model>"
    first, second = root.iter("circle")
    assert float(first.get("cx", "")) == EDGE + SIDE * 0.25
    assert float(first.get("cy", "")) == EDGE + SIDE * 0.5
    assert float(second.get("cx", "")) == EDGE + SIDE
    assert float(second.get("cy", "")) == EDGE + SIDE * 0.25
    assert float(second.get("r", "")) == LARGEST
    assert float(first.get("r", "")) == pytest.approx(LARGEST / 2)  # a quarter of the area
    assert first.findtext("title") == "25 hits with a chance of 0.25, of which 0.50 right"
    assert "100 hits with a chance of 1.00" in root.find("svg").get("aria-label", "")


def test_without_bins_there_are_no_dots() -> None:
    assert not list(ElementTree.fromstring(reliability_diagram((), "none")).iter("circle"))


def test_it_stands_at_the_top_of_a_page(parse: Parse) -> None:
    chart = reliability_diagram(BINS, "off by 0.1")
    page = picture_gallery("Worst", [Section("one", [])], lambda path: None, charts=[chart])
    assert page.index("<h1>") < page.index('class="chart"') < page.index("<main")
    assert "style=" not in chart  # the page's policy would not let it work
    parse(page)

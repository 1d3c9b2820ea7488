# SPDX-License-Identifier: GPL-2.0-or-later
"""`windows.svg`: the picture of a finding as a file, and the pieces of SVG that the page draws its maps of."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ddwcheck.picture import FONT, Parts, Picture


@cache
def environment() -> Environment:
    """The templates of what is looked at in a browser; all that is put into them is escaped."""
    return Environment(
        loader=PackageLoader("ddwcheck", "."), undefined=StrictUndefined, trim_blocks=True, autoescape=True
    )


def svg(picture: Picture) -> str:
    """The picture as SVG."""
    return environment().get_template("windows.svg.j2").render(p=picture, parts=pieces(picture.parts), font=FONT)


def pieces(parts: Parts) -> Iterator[Markup]:
    """What a picture consists of as elements of SVG, a line each; what comes later lies above what comes before."""
    draw: Any = environment().get_template("map.parts.j2").module
    yield from map(draw.shape, parts.shapes)
    yield from map(draw.box, (*parts.boxes, *parts.marks))
    yield from map(draw.tick, parts.ticks)
    yield from (draw.cut(x, y) for x, y in parts.breaks)
    yield from map(draw.label, parts.labels)

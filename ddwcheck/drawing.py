# SPDX-License-Identifier: GPL-2.0-or-later
"""`windows.svg`: the picture of a finding as a file."""

from jinja2 import Environment, PackageLoader, StrictUndefined

from ddwcheck.picture import FONT, Picture


def svg(picture: Picture) -> str:
    """The picture as SVG; all text in it is escaped."""
    environment = Environment(
        loader=PackageLoader("ddwcheck", "."), undefined=StrictUndefined, trim_blocks=True, autoescape=True
    )
    return environment.get_template("windows.svg.j2").render(p=picture, font=FONT)

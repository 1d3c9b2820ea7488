# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's Chromium for the tests of the page."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Dialog, Page, sync_playwright

PROGRAM, PACKAGE = "chromium", "chromium"


class NotInstalled(RuntimeError):
    """There is no browser; the message is one line that says what to install."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser that ends with the block; NotInstalled if there is none."""
    program = shutil.which(PROGRAM)
    if program is None:
        raise NotInstalled(f"{PROGRAM} not found; on Debian: apt-get install {PACKAGE}")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def looked_at(browser: Browser, scheme: str = "light") -> Iterator[tuple[Page, list[str]]]:
    """An empty page, and all that goes wrong on it: errors, messages, requests for anything but a file, dialogs."""
    context = browser.new_context(color_scheme="dark" if scheme == "dark" else "light")
    page, wrong = context.new_page(), list[str]()
    page.on("console", lambda message: wrong.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on(
        "request", lambda request: wrong.extend([] if request.is_navigation_request() else [f"request: {request.url}"])
    )

    def dismiss(dialog: Dialog) -> None:
        wrong.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    page.on("dialog", dismiss)
    try:
        yield page, wrong
    finally:
        context.close()

# SPDX-License-Identifier: GPL-2.0-or-later
"""What an attempt has changed so far, and how it is taken back."""

from contextlib import ExitStack
from types import TracebackType

from model.interfaces import Crash


class Undo(ExitStack):
    """Takes everything back in reverse, unless the kernel crashes: then nobody does."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if isinstance(error, Crash):
            self.pop_all()
        return bool(super().__exit__(kind, error, trace))

# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's own C code behind the `Guest` interface: the source that a user names, never a copy of it."""

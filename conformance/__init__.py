# SPDX-License-Identifier: GPL-2.0-or-later
"""Other implementations behind the interfaces of `model.interfaces`, and how they are compared with the reference."""

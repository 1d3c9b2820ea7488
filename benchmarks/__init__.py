# SPDX-License-Identifier: GPL-2.0-or-later
"""What the suite costs: each figure a ratio against a named peer, measured in the same run. Never a test."""

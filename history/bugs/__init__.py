# SPDX-License-Identifier: GPL-2.0-or-later
"""One file for each bug, named like its defect."""

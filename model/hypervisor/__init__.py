# SPDX-License-Identifier: GPL-2.0-or-later
"""The hypervisor's side, restated from LoPAR: one file per call, `papr.Papr` puts them together."""

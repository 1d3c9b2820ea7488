# SPDX-License-Identifier: GPL-2.0-or-later
"""A real QEMU pseries machine behind the `Hypervisor` interface, and the reference held against it."""

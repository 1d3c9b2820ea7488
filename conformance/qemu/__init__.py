# SPDX-License-Identifier: GPL-2.0-or-later
"""A real QEMU pseries machine behind the `Hypervisor` interface, a device on it, and the reference held against both."""

# SPDX-License-Identifier: GPL-2.0-or-later
"""The points on which LoPAR is silent or unclear, and what the model makes of each.

The numbers A1..A24 are those of `lopar-ddw-facts.md`, section 9. A point with a `choice` is a field of
`model.profiles.Choices`; any other is read in one way, or left out, for the reason given.
"""

from typing import NamedTuple


class Silence(NamedTuple):
    """One point. choice: the field of Choices that decides it, empty if none. reading: what the model does, and why."""

    number: str
    subject: str
    choice: str
    reading: str


SILENCES = (
    Silence("A1", "block in the 5-output query", "wide_block", "one cell; a block that does not fit saturates or is cut"),
    Silence("A2", "6 outputs without extension 3", "", "refused with -3, as table 129 says; any other count too"),
    Silence("A3", "create beyond what query offered", "oversize", "refused, with -3 or -1; a block that is no power of "
            "two serves windows up to the power below it"),
    Silence("A4", "outputs of a call that failed", "failed_outputs", "zero or junk; wrong page shifts, sizes and "
            "addresses are -3"),
    Silence("A5", "create's busy answers", "", "dictated by the run, any finite number, without effect"),
    Silence("A6", "LIOBN and place of a new window", "liobn", "fresh or recycled LIOBN; any free place (choice placement, "
            "profile dma64); a removed LIOBN is H_PARAMETER"),
    Silence("A7", "TCEs of a new or restored window", "", "all invalid: Linux does not clear a direct window, so it "
            "relies on this"),
    Silence("A8", "removal with valid TCEs", "dirty_removal", "refused, or done and the mappings dropped"),
    Silence("A9", "busy hypercalls", "", "dictated by the run, without effect; CMO's entitlement is not modelled: a "
            "partition that owns physical I/O seldom has it"),
    Silence("A10", "what reset deletes", "", "all created windows, on success only"),
    Silence("A11", "state after a hard error", "", "unchanged: anything else would leave the OS no way to know"),
    Silence("A12", "atomicity of the multi-TCE calls", "", "whole calls, one at a time; other CPUs come in between"),
    Silence("A13", "I/O pages above 4 KB", "unaligned", "low bits rejected or cut (unaligned); ownership of the first 4 KB "
            "or of the whole page (choice ownership); counts are in I/O pages"),
    Silence("A14", "windows across EEH", "", "kept, with their TCEs: EEH is not among the triggers of R1-7.3.27-5"),
    Silence("A15", "kexec", "", "no reboot: windows and TCEs stay, devices go on; the next kernel knows of them by the "
            "device tree alone"),
    Silence("A16", "isolate and its windows", "", "restored on success; a failing isolate is not modelled, nothing "
            "says what it leaves"),
    Silence("A17", "reserved TCE bits and other odd operands", "reserved_bits", "masked or rejected; count 0 succeeds; "
            "an unaligned list is H_PARAMETER; the list is passed by value, so who owns its page is not asked"),
    Silence("A18", "slips in H_PUT_TCE_INDIRECT's text", "", "evident intent; the codes for too many TCEs stay different; "
            "its form for several LIOBNs (MTT) is not modelled: Linux does not use it"),
    Silence("A19", "TCEs while memory is being isolated", "", "isolation is one step, so there is no meanwhile"),
    Silence("A20", "256 MB mappable at all times", "", "not asserted: removing the default window is legal"),
    Silence("A21", "client-architecture bits", "", "not modelled: what the platform offers is the profile's to say"),
    Silence("A22", "migration", "", "not modelled: LoPAR refuses it to partitions that own physical I/O"),
    Silence("A23", "functions that share a PE", "", "the guest's affair: the reference gives up no window that "
            "other functions have"),
    Silence("A24", "990x is positive but not done", "", "not done: the caller retries"),
)  # fmt: skip

# SPDX-License-Identifier: GPL-2.0-or-later
"""The reference guest: every rule by name, in the order of the kernel's own story.

Each attribute below that is a function is one rule; a defect replaces one of them in a subclass (`model.defects`).
"""

from collections.abc import Callable

from model.guest import (
    allocator,
    coherent,
    devices,
    enable,
    hotplug,
    io_pages,
    kexec,
    mapping,
    masks,
    pools,
    routing,
    rtas,
    scatterlist,
    sizing,
    table,
    tces,
    vfio,
)
from model.guest.windows import Device, DmaWindow, Node
from model.interfaces import Boot, Port
from model.profiles import Lpar, MultiTce
from model.types import Pe, PhysAddr, Span


def _unheard(_: str) -> None:
    """Where notes of reached branches go when nobody asks."""


class Kernel:
    """One boot of the reference guest.

    lpar: what the partition is made of; the blocks that are online at boot are. port: its way to the hypervisor.
    reached: told each named branch that is taken, for reach goals. boot: how it comes to run.
    """

    # A device comes and goes
    attach = devices.attach
    node_of = devices.node_of
    new_function = devices.new_function
    replug = devices.replug
    first_table = devices.first_table
    default_table = devices.default_table
    look_at_offer = devices.look_at_offer
    detach = devices.detach
    forget_node = devices.forget_node
    forget_failure = devices.forget_failure
    view = devices.view
    properties = kexec.properties
    inherit_window = kexec.inherit_window
    clear_unused = kexec.clear_unused
    inherited_table = kexec.inherited_table
    init_table = table.init_table
    take_over = kexec.take_over
    keep_inherited = kexec.keep_inherited
    entries_left = kexec.entries_left
    given_up = kexec.given_up
    clear_table = table.clear_table
    reserved_entries = table.reserved_entries
    pool_layout = staticmethod(pools.pool_layout)
    mmio_entries = staticmethod(pools.mmio_entries)
    # Its driver sets a mask, and a window opens
    set_dma_mask = masks.set_dma_mask
    set_coherent_mask = masks.set_coherent_mask
    required_mask = masks.required_mask
    wants_window = staticmethod(masks.wants_window)
    opens_direct = masks.opens_direct
    limit_direct = masks.limit_direct
    use_mask = staticmethod(masks.use_mask)
    table_for = mapping.table_for
    direct_within = mapping.direct_within
    is_direct = mapping.is_direct
    enable_ddw = enable.enable_ddw
    open_window = enable.open_window
    query_ddw = rtas.query_ddw
    enter_limited_mode = enable.enter_limited_mode
    give_up_default = enable.give_up_default
    is_shared = enable.is_shared
    in_use = staticmethod(table.in_use)
    default_in_use = enable.default_in_use
    save_default = enable.save_default
    clear_default = enable.clear_default
    remove_default = enable.remove_default
    restore_default = enable.restore_default
    plan_for = enable.plan_for
    is_enough = staticmethod(sizing.is_enough)
    direct_goal = enable.direct_goal
    hotplug_max = enable.hotplug_max
    largest_page_shift = staticmethod(sizing.largest_page_shift)
    largest_window_shift = staticmethod(sizing.largest_window_shift)
    ram_shift = staticmethod(sizing.ram_shift)
    plan_window = staticmethod(sizing.plan_window)
    new_window = enable.new_window
    create_ddw = rtas.create_ddw
    remove_window = rtas.remove_window
    reset_windows = rtas.reset_windows
    discard_window = enable.discard_window
    window_is_usable = enable.window_is_usable
    publish_window = enable.publish_window
    list_and_premap = enable.list_and_premap
    list_window = enable.list_window
    unlist = enable.unlist
    premap_ram = enable.premap_ram
    undo_premap = enable.undo_premap
    ram_at_enable = enable.ram_at_enable
    release_default = enable.release_default
    premap = enable.premap
    direct_part = enable.direct_part
    set_range = enable.set_range
    clip = staticmethod(io_pages.clip)
    pages_to_set = staticmethod(io_pages.pages_to_set)
    dynamic_table = enable.dynamic_table
    commit = enable.commit
    drop_default_table = staticmethod(enable.drop_default_table)
    # It maps and unmaps
    map_page = mapping.map_page
    routes_directly = mapping.routes_directly
    map_is_direct = staticmethod(routing.map_is_direct)
    direct_handle = staticmethod(mapping.direct_handle)
    map_through = mapping.map_through
    take_entries = mapping.take_entries
    point_entries = mapping.point_entries
    pages_touched = staticmethod(io_pages.pages_touched)
    allocate_entries = allocator.allocate_entries
    home_pool = staticmethod(allocator.home_pool)
    search_order = staticmethod(allocator.search_order)
    free_area = staticmethod(allocator.area)
    control_of = staticmethod(tces.control_of)
    set_entries = tces.set_entries
    put_lists = tces.put_lists
    put_each = tces.put_each
    set_complete = staticmethod(tces.set_complete)
    give_back = mapping.give_back
    handle_of = staticmethod(mapping.handle_of)
    has_tce_page = tces.has_tce_page
    unmap_page = mapping.unmap_page
    ends_directly = mapping.ends_directly
    unmap_is_direct = staticmethod(routing.unmap_is_direct)
    table_of_handle = mapping.table_of_handle
    release_handle = mapping.release_handle
    release_entries = mapping.release_entries
    clear_entries = tces.clear_entries
    clear_range = tces.clear_range
    stuff_limit = staticmethod(tces.stuff_limit)
    # So it does with scatterlists and coherent buffers
    map_sg = scatterlist.map_sg
    sg_goes_direct = scatterlist.sg_goes_direct
    map_sg_through = scatterlist.map_sg_through
    map_element = scatterlist.map_element
    may_merge = scatterlist.may_merge
    merged_size = staticmethod(scatterlist.merged_size)
    merge_keeps_boundary = staticmethod(scatterlist.merge_keeps_boundary)
    inside_boundary = staticmethod(scatterlist.inside_boundary)
    undo_segments = scatterlist.undo_segments
    unmap_sg = scatterlist.unmap_sg
    alloc_coherent = coherent.alloc_coherent
    whole_pages = coherent.whole_pages
    coherent_goes_direct = coherent.coherent_goes_direct
    coherent_through = coherent.coherent_through
    map_coherent = coherent.map_coherent
    coherent_alignment = staticmethod(coherent.coherent_alignment)
    free_coherent = coherent.free_coherent
    # User space takes it and gives it back
    take_ownership = vfio.take_ownership
    take_another = vfio.take_another
    clear_out = vfio.clear_out
    forget_use = vfio.forget_use
    remove_host_window = vfio.remove_host_window
    goes_by_its_name = vfio.goes_by_its_name
    can_be_restored = vfio.can_be_restored
    drop_default = vfio.drop_default
    drop_returned = vfio.drop_returned
    create_table = vfio.create_table
    make_table = vfio.make_table
    asks_for_default = vfio.asks_for_default
    table_on_default = vfio.table_on_default
    costs_window = vfio.costs_window
    restore_for_user = vfio.restore_for_user
    table_on_new_window = vfio.table_on_new_window
    user_table = vfio.user_table
    user_view = vfio.user_view
    note_refusal = vfio.note_refusal
    set_window = vfio.set_window
    unset_window = vfio.unset_window
    clear_user_table = vfio.clear_user_table
    drop_user_window = vfio.drop_user_window
    remove_user_window = vfio.remove_user_window
    map_user = vfio.map_user
    unmap_user = vfio.unmap_user
    clear_user = vfio.clear_user
    exchange = vfio.exchange
    release_ownership = vfio.release_ownership
    release_another = vfio.release_another
    host_again = vfio.host_again
    restore_for_host = vfio.restore_for_host
    table_again = vfio.table_again
    use_again = vfio.use_again
    # Memory comes and goes
    memory_going_online = hotplug.memory_going_online
    memory_online = hotplug.memory_online
    memory_cancel_online = hotplug.memory_cancel_online
    memory_offline = hotplug.memory_offline
    direct_windows = hotplug.direct_windows
    unmap_block = hotplug.unmap_block
    neighbours = hotplug.neighbours
    pages_to_clear = staticmethod(io_pages.pages_to_clear)
    vpmem_added = hotplug.vpmem_added
    vpmem_removed = hotplug.vpmem_removed

    def __init__(
        self, lpar: Lpar, port: Port, reached: Callable[[str], None] = _unheard, boot: Boot = Boot.FIRMWARE
    ) -> None:
        self.port = port
        self.boot = boot
        self.reached = reached
        self.has_lists = MultiTce.INDIRECT in lpar.multi_tce
        self.has_stuff = MultiTce.STUFF in lpar.multi_tce
        self.page_shift = lpar.page
        self.announced_max = lpar.hotplug_max
        self.online: list[Span[PhysAddr]] = lpar.ram_at_boot
        self.vpmem: list[Span[PhysAddr]] = sorted(lpar.vpmem[k] for k in lpar.vpmem_at_boot)
        self.nodes: dict[Pe, Node] = {}
        self.devices: dict[int, Device] = {}
        self.windows: list[DmaWindow] = []
        self.failed: list[Pe] = []
        self.highest = max((span.stop for span in (*self.online, *self.vpmem)), default=PhysAddr(0))
        self.tce_pages: set[int] = set()

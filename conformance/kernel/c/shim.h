/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel's DDW files see in place of the headers that cannot be had on the host: types, locks, slab, devices,
 * device tree, printk. Included before everything else (-include). Pure-C headers of the tree are used as they are; the
 * list of them is in build.py. Each part says what it stands for.
 */
#ifndef DDW_SHIM_H
#define DDW_SHIM_H

#include "harness.h"

/* linux/types.h: widths as on ppc64, where u64 is unsigned long long. */
typedef unsigned char u8, __u8;
typedef unsigned short u16, __u16;
typedef unsigned int u32, __u32, __be32, gfp_t, uint, uint32_t;
typedef unsigned long long u64, __u64, __be64, dma_addr_t, phys_addr_t, resource_size_t, uint64_t, __le64;
typedef int s32, __s32, pci_power_t;
typedef unsigned int __le32;
typedef unsigned short __be16, __le16, uint16_t;
typedef unsigned char uint8_t;
typedef long long s64;
typedef unsigned long size_t, uintptr_t, ulong, pgoff_t;
typedef long ssize_t, loff_t, ptrdiff_t;
typedef _Bool bool;
typedef __builtin_va_list va_list;
#define true 1
#define false 0
#define NULL ((void *)0)
#define BITS_PER_LONG 64
#define BITS_PER_LONG_LONG 64
#define BITS_PER_BYTE 8
struct list_head { struct list_head *next, *prev; };
struct hlist_node { struct hlist_node *next, **pprev; };
struct hlist_head { struct hlist_node *first; };
struct rcu_head { void *next; };
#define DECLARE_BITMAP(name, bits) unsigned long name[BITS_TO_LONGS(bits)]

/* linux/compiler.h, linux/init.h, linux/export.h: annotations that mean nothing here. */
#define __init
#define __iomem
#define __user
#define __force
#define __percpu
#define __rcu
#define __always_inline inline __attribute__((always_inline))
#define noinline __attribute__((noinline))
#define __attribute_const__ __attribute__((const))
#define __always_unused __attribute__((unused))
#define __maybe_unused __attribute__((unused))
#define __must_check
#define __printf(a, b)
#define __pure __attribute__((pure))
#define __nonstring
#define __read_mostly
#define __ro_after_init
#define __context_unsafe(why)
#define __packed __attribute__((packed))
#define ____cacheline_aligned_in_smp
#define fallthrough __attribute__((fallthrough))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define READ_ONCE(x) (*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile typeof(x) *)&(x) = (v))
#define barrier() __asm__ volatile("" ::: "memory")
#define mb() barrier()
#define smp_mb() barrier()
#define smp_wmb() barrier()
#define smp_store_release(p, v) WRITE_ONCE(*(p), v)
#define smp_load_acquire(p) READ_ONCE(*(p))
#define EXPORT_SYMBOL(x)
#define EXPORT_SYMBOL_GPL(x)
#define EXPORT_SYMBOL_NS(x, n)
#define MODULE_LICENSE(x)
#define BUILD_BUG_ON(c) ((void)sizeof(char[1 - 2 * !!(c)]))
#define BUILD_BUG_ON_ZERO(e) ((int)sizeof(struct { int : (-!!(e)); }))
#define BUILD_BUG_ON_NOT_POWER_OF_2(n) ((void)0)
#define BUILD_BUG_ON_MSG(c, m) ((void)0)
#define BUILD_BUG() ((void)0)
#define static_assert(e, ...) _Static_assert(e, "")
#define __same_type(a, b) __builtin_types_compatible_p(typeof(a), typeof(b))
#define __is_constexpr(x) __builtin_constant_p(x)
#define typecheck(t, x) 1
#define offsetof(t, m) __builtin_offsetof(t, m)
#define offsetofend(t, m) (offsetof(t, m) + sizeof(((t *)0)->m))
#define container_of(p, t, m) ((t *)((char *)(p) - offsetof(t, m)))
#define __weak __attribute__((weak))
#define __aligned(x) __attribute__((aligned(x)))
#define IS_ENABLED(option) 0
#define DEFINE_FREE(...)
#define DEFINE_CLASS(...)
#define no_free_ptr(p) (p)

/* Init calls and boot parameters: partition.c calls those it needs by name; the others are never called. */
#define subsys_initcall(f) int initcall_##f(void); int initcall_##f(void) { return f(); }
#define machine_arch_initcall(m, f) subsys_initcall(f)
#define arch_initcall(f) subsys_initcall(f)
#define postcore_initcall_sync(f) subsys_initcall(f)
#define machine_subsys_initcall_sync(m, f) subsys_initcall(f)
#define early_param(s, f) int param_##f(char *); int param_##f(char *v) { return f(v); }
#define __setup(s, f) early_param(s, f)

/* linux/errno.h, linux/err.h */
#define EPERM 1
#define ENOENT 2
#define EIO 5
#define E2BIG 7
#define EEXIST 17
#define ENOMEM 12
#define EFAULT 14
#define EBUSY 16
#define ENODEV 19
#define EINVAL 22
#define ENOSPC 28
#define ERANGE 34
#define ENODATA 61
#define EPROTO 71
#define EOVERFLOW 75
#define EOPNOTSUPP 95
#define EREMOTEIO 121
#define ERR_PTR(e) ((void *)(long)(e))
#define PTR_ERR(p) ((long)(p))
#define IS_ERR(p) ((unsigned long)(p) >= (unsigned long)-4095)
#define PTR_ERR_OR_ZERO(p) (IS_ERR(p) ? PTR_ERR(p) : 0)

/* linux/kernel.h, linux/const.h, linux/minmax.h, linux/math.h */
#define __AC(x, suffix) (x##suffix)
#define _AC(x, suffix) __AC(x, suffix)
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define min_t(t, a, b) ((t)(a) < (t)(b) ? (t)(a) : (t)(b))
#define max_t(t, a, b) ((t)(a) > (t)(b) ? (t)(a) : (t)(b))
#define min_not_zero(a, b) ((a) == 0 ? (b) : (b) == 0 ? (a) : min(a, b))
#define DIV_ROUND_UP(n, d) (((n) + (d) - 1) / (d))
#define __ALIGN_MASK(x, m) (((x) + (m)) & ~(m))
#define ALIGN(x, a) __ALIGN_MASK(x, (typeof(x))(a) - 1)
#define ALIGN_DOWN(x, a) ((x) & ~((typeof(x))(a) - 1))
#define IS_ALIGNED(x, a) (((x) & ((typeof(x))(a) - 1)) == 0)
#define round_up(x, y) ((((x) - 1) | ((typeof(x))(y) - 1)) + 1)
#define round_down(x, y) ((x) & ~((typeof(x))(y) - 1))
#define swap(a, b) do { typeof(a) t_ = (a); (a) = (b); (b) = t_; } while (0)
#define upper_32_bits(n) ((u32)((u64)(n) >> 32))
#define lower_32_bits(n) ((u32)(n))
#define U32_MAX ((u32)~0U)
#define INT_MAX 0x7fffffff
#define UINT_MAX (~0U)
#define ULONG_MAX (~0UL)

/* linux/string.h: the host's, by their names */
void *memset(void *, int, size_t);
void *memcpy(void *, const void *, size_t);
void *memmove(void *, const void *, size_t);
int memcmp(const void *, const void *, size_t);
int strcmp(const char *, const char *);
size_t strlen(const char *);
#define str_disabled_enabled(v) ((v) ? "disabled" : "enabled")

/* asm/bitops.h: not atomic, since one CPU runs at a time */
#define BITS_TO_LONGS(n) DIV_ROUND_UP(n, 64)
#define small_const_nbits(n) (__builtin_constant_p(n) && (n) <= 64 && (n) > 0)
#define BIT(n) (1UL << (n))
#define BIT_MASK(n) (1UL << ((n) % 64))
#define BIT_WORD(n) ((n) / 64)
#define GENMASK(h, l) ((~0UL << (l)) & (~0UL >> (63 - (h))))
#define BITMAP_FIRST_WORD_MASK(start) (~0UL << ((start) & 63))
#define BITMAP_LAST_WORD_MASK(n) (~0UL >> (-(n) & 63))
#define hweight_long(w) ((unsigned)__builtin_popcountl(w))
#define __ffs(w) ((unsigned long)__builtin_ctzl(w))
#define ffz(w) __ffs(~(w))
#define swab64(x) __builtin_bswap64(x)
#define swab(x) __builtin_bswap64(x)
static inline unsigned long __fls(unsigned long w) { return 63 - (unsigned long)__builtin_clzl(w); }
static inline int fls64(u64 w) { return w ? 64 - __builtin_clzll(w) : 0; }
static inline int fls(u32 w) { return w ? 32 - __builtin_clz(w) : 0; }
static inline unsigned int fls_long(unsigned long w) { return (unsigned)fls64(w); }
static inline unsigned long fns(unsigned long w, unsigned int n) { while (n--) w &= w - 1; return w ? __ffs(w) : 64; }
static inline int __ilog2(unsigned long w) { return fls64(w) - 1; }
static inline int ffs(int w) { return __builtin_ffs(w); }
static inline void __set_bit(unsigned long n, unsigned long *map) { map[BIT_WORD(n)] |= BIT_MASK(n); }
static inline void __clear_bit(unsigned long n, unsigned long *map) { map[BIT_WORD(n)] &= ~BIT_MASK(n); }
#define __assign_bit(n, map, v) ((v) ? __set_bit(n, map) : __clear_bit(n, map))
#define set_bit(n, map) __set_bit(n, map)
#define clear_bit(n, map) __clear_bit(n, map)
static inline int test_bit(unsigned long n, const unsigned long *map) { return map[BIT_WORD(n)] >> (n & 63) & 1; }

/* asm/byteorder.h: little endian, as ppc64el */
#define __LITTLE_ENDIAN 1234
#define cpu_to_be64(x) __builtin_bswap64(x)
#define be64_to_cpu(x) __builtin_bswap64(x)
#define cpu_to_be32(x) __builtin_bswap32(x)
#define be32_to_cpu(x) __builtin_bswap32(x)
#define le64_to_cpu(x) (x)

/* linux/printk.h, linux/bug.h: text to the log's tail; BUG ends the run with a verdict, WARN is reported */
#define KERN_INFO ""
#define KERN_WARNING ""
#define KERN_ERR ""
#define KERN_DEBUG ""
#define printk(...) host_log(__VA_ARGS__)
#define pr_err(...) host_log(__VA_ARGS__)
#define pr_warn(...) host_log(__VA_ARGS__)
#define pr_info(...) host_log(__VA_ARGS__)
#define pr_debug(...) ((void)0)
#define udbg_printf(...) host_log(__VA_ARGS__)
#define dev_err(dev, ...) ((void)(dev), host_log(__VA_ARGS__))
#define dev_warn(dev, ...) dev_err(dev, __VA_ARGS__)
#define dev_info(dev, ...) dev_err(dev, __VA_ARGS__)
#define dev_dbg(dev, ...) ((void)(dev))
#define dev_name(dev) "device"
#define pci_name(dev) "device"
#define printk_ratelimit() 1
#define dump_stack() ((void)0)
#define panic(...) (host_log(__VA_ARGS__), host_crash("panic", __FILE__, __LINE__))
#define BUG() host_crash("BUG", __FILE__, __LINE__)
#define BUG_ON(c) do { if (unlikely(c)) BUG(); } while (0)
#define WARN_ON(c) ({ int c_ = !!(c); if (unlikely(c_)) host_warning(__FILE__, __LINE__); c_; })
#define WARN_ON_ONCE(c) WARN_ON(c)
#define WARN(c, ...) WARN_ON(c)
#define WARN_ONCE(c, ...) WARN_ON(c)

/* linux/spinlock.h, linux/mutex.h, linux/irqflags.h: misuse is a verdict (locks.c) */
typedef struct { int held; } spinlock_t;
struct mutex { int held; };
#define DEFINE_SPINLOCK(name) spinlock_t name
#define DEFINE_MUTEX(name) struct mutex name
#define spin_lock_init(l) ((l)->held = 0)
void lock_spin(spinlock_t *, const char *, const char *, int);
void unlock_spin(spinlock_t *, const char *, const char *, int);
void lock_mutex(struct mutex *, const char *, const char *, int);
void unlock_mutex(struct mutex *, const char *, const char *, int);
void may_sleep(const char *, int);
extern struct cpu {
	int spinning, mutexes;
	bool irqs_off, tells_tree; /* runs the notifiers of the device tree's changes */
	unsigned int number;       /* of the CPU that the event says it runs on */
} cpus[MOST_RUNNING];
#define irqs_off (cpus[this_cpu].irqs_off)
#define spin_lock(l) lock_spin(l, #l, __FILE__, __LINE__)
#define spin_lock_nest_lock(l, outer) spin_lock(l)
#define spin_unlock(l) unlock_spin(l, #l, __FILE__, __LINE__)
#define spin_lock_irqsave(l, f) ((void)((f) = 0), lock_spin(l, #l, __FILE__, __LINE__))
#define spin_unlock_irqrestore(l, f) ((void)(f), unlock_spin(l, #l, __FILE__, __LINE__))
#define mutex_lock(l) lock_mutex(l, #l, __FILE__, __LINE__)
#define mutex_unlock(l) unlock_mutex(l, #l, __FILE__, __LINE__)
#define local_irq_save(f) ((void)((f) = irqs_off, irqs_off = true))
#define local_irq_restore(f) ((void)(irqs_off = (f)))
#define local_irq_disable() ((void)(irqs_off = true))
#define local_irq_enable() ((void)(irqs_off = false))

/* linux/percpu.h: the CPU that an event runs on is part of the event */
#define current_cpu (cpus[this_cpu].number)
#define DEFINE_PER_CPU(type, name) typeof(type) name[MOST_CPUS]
#define per_cpu(name, cpu) (name)[cpu]
#define raw_cpu_read(name) (name)[current_cpu]
#define __this_cpu_read(name) (name)[current_cpu]
#define __this_cpu_write(name, v) ((name)[current_cpu] = (v))
#define for_each_possible_cpu(i) for (i = 0; i < MOST_CPUS; i++)

/* linux/slab.h, linux/vmalloc.h, linux/gfp.h: each allocation is named by the function that makes it (memory.c) */
#define GFP_KERNEL 1u
#define GFP_ATOMIC 2u
#define GFP_NOWAIT 2u
#define __GFP_ZERO 4u
#define __GFP_NOWARN 0u
void *allocate(size_t, gfp_t, const char *function, const char *file, int line);
void release(const void *, const char *, int);
char *duplicate_string(const char *, gfp_t, const char *, const char *, int);
void *duplicate(const void *, size_t, gfp_t, const char *, const char *, int);
#define kzalloc(n, f) allocate(n, f, __func__, __FILE__, __LINE__)
#define kmalloc(n, f) kzalloc(n, f)
#define kzalloc_node(n, f, node) ((void)(node), kzalloc(n, f))
#define kmalloc_array(n, size, f) kzalloc((n) * (size), f)
#define kmalloc_array_node(n, size, f, node) kzalloc((n) * (size), f)
#define kvmalloc_array(n, size, f) kzalloc((n) * (size), f)
#define kzalloc_obj(x, ...) ((typeof(x) *)kzalloc(sizeof(x), GFP_KERNEL))
#define kzalloc_objs(x, n, ...) ((typeof(x) *)kzalloc(sizeof(x) * (n), GFP_KERNEL))
#define kzalloc_node_obj(x, ...) kzalloc_obj(x)
#define vzalloc(n) (WARN_ON(!(n)) ? NULL : kzalloc(n, GFP_KERNEL))
#define vzalloc_node(n, node) ((void)(node), vzalloc(n))
#define kfree(p) release(p, __FILE__, __LINE__)
#define vfree(p) kfree(p)
#define kvfree(p) kfree(p)
#define kstrdup(s, f) duplicate_string(s, f, __func__, __FILE__, __LINE__)
#define kmemdup(s, n, f) duplicate(s, n, f, __func__, __FILE__, __LINE__)
#define kasprintf(f, ...) kstrdup("name", f)
#define __get_free_page(f) ((unsigned long)kzalloc(PAGE_SIZE, f))
#define free_page(p) kfree((void *)(p))

/* asm/page.h, linux/mm.h: RAM is not there, only its addresses; a struct page is its page frame number */
#define PAGE_SIZE (1UL << PAGE_SHIFT)
#define PAGE_MASK (~(PAGE_SIZE - 1))
#define PAGE_ALIGN(x) ALIGN(x, PAGE_SIZE)
#define PAGE_OFFSET 0xc000000000000000UL
#define __pa(x) ((unsigned long)(x) & ~PAGE_OFFSET)
#define __va(x) ((void *)((unsigned long)(x) | PAGE_OFFSET))
#define phys_to_virt(x) __va(x)
#define virt_to_phys(x) __pa(x)
struct page { char byte; };
#define pfn_to_page(n) ((struct page *)((n) + 1)) /* the first page of RAM is none that is missing */
#define page_to_pfn(p) ((unsigned long)(p) - 1)
#define page_to_phys(p) ((phys_addr_t)page_to_pfn(p) << PAGE_SHIFT)
#define page_address(p) __va(page_to_phys(p))
#define SetPageDirty(p) ((void)(p))
#define memset(p, c, n) ((unsigned long)(p) >= PAGE_OFFSET ? (void *)(p) : memset(p, c, n)) /* no RAM, no zeroes */
#define MAX_PHYSMEM_BITS (PAGE_SHIFT == 16 ? 51 : 46) /* book3s/64: R_MAX_PHYSMEM_BITS, H_MAX_PHYSMEM_BITS */
#define PFN_UP(x) (((x) + PAGE_SIZE - 1) >> PAGE_SHIFT)
struct mm_struct;
static inline int get_order(unsigned long n) { n = (n - 1) >> PAGE_SHIFT; return n ? 64 - __builtin_clzl(n) : 0; }
struct page *alloc_pages_node(int, gfp_t, unsigned int);
void free_pages(unsigned long, unsigned int);
static inline bool mm_iommu_is_devmem(struct mm_struct *mm, unsigned long a, unsigned int s, unsigned long *n) { return false; }

/* linux/kref.h */
struct kref { int count; };
#define kref_init(k) ((k)->count = 1)
#define kref_get_unless_zero(k) ((k)->count ? ((k)->count++, 1) : 0)
static inline int kref_put(struct kref *k, void (*gone)(struct kref *))
{
	if (k->count <= 0)
		host_crash("refcount underflow", __FILE__, __LINE__);
	if (--k->count)
		return 0;
	gone(k);
	return 1;
}
#define INIT_LIST_HEAD_RCU(l) INIT_LIST_HEAD(l)

/* linux/notifier.h, linux/memory.h, linux/of.h: what is told to the two notifiers of the DDW code */
#define NOTIFY_DONE 0
#define NOTIFY_OK 1
#define NOTIFY_BAD 0x8002
struct notifier_block { int (*notifier_call)(struct notifier_block *, unsigned long, void *); int priority; };
struct memory_notify { unsigned long start_pfn, nr_pages; };
enum { MEM_ONLINE = 1, MEM_GOING_OFFLINE = 2, MEM_OFFLINE = 4, MEM_GOING_ONLINE = 8, MEM_CANCEL_ONLINE = 16,
       MEM_CANCEL_OFFLINE = 32 };
enum { OF_RECONFIG_ATTACH_NODE = 1, OF_RECONFIG_DETACH_NODE, OF_RECONFIG_ADD_PROPERTY, OF_RECONFIG_REMOVE_PROPERTY };
int register_memory_notifier(struct notifier_block *);
int of_reconfig_notifier_register(struct notifier_block *);
struct property { char *name; int length; void *value; struct property *next; };
struct device_node {
	const char *name, *type, *full_name;
	struct property *properties, *deadprops;
	struct device_node *parent, *child, *sibling;
	void *data;
};
struct of_reconfig_data { struct device_node *dn; struct property *prop, *old_prop; };
extern struct device_node *of_chosen;
struct device_node *of_find_node_by_type(struct device_node *, const char *);
struct device_node *of_find_node_with_property(struct device_node *, const char *);
struct property *of_find_property(const struct device_node *, const char *, int *);
const void *of_get_property(const struct device_node *, const char *, int *);
int of_add_property(struct device_node *, struct property *);
int of_remove_property(struct device_node *, struct property *);
int of_property_read_u32_array(const struct device_node *, const char *, u32 *, size_t);
int of_property_read_u32_index(const struct device_node *, const char *, u32, u32 *);
void of_parse_dma_window(struct device_node *, const void *, unsigned long *, unsigned long *, unsigned long *);
int of_n_addr_cells(struct device_node *);
int of_n_size_cells(struct device_node *);
#define of_node_get(n) (n)
#define of_node_put(n) ((void)(n))
#define for_each_node_by_type(dn, type) \
	for (dn = of_find_node_by_type(NULL, type); dn; dn = of_find_node_by_type(dn, type))
#define for_each_node_with_property(dn, name) \
	for (dn = of_find_node_with_property(NULL, name); dn; dn = of_find_node_with_property(dn, name))
static inline u64 of_read_number(const __be32 *cell, int n) { u64 r = 0; while (n--) r = r << 32 | be32_to_cpu(*cell++); return r; }

/* linux/ioport.h */
#define IORESOURCE_MEM 0x200
#define IORESOURCE_MEM_64 0x100000
#define PCI_SRIOV_NUM_BARS 6
struct resource { resource_size_t start, end; unsigned long flags; };

/* linux/dma-direction.h, linux/dma-mapping.h, linux/dma-map-ops.h, linux/scatterlist.h */
enum dma_data_direction { DMA_BIDIRECTIONAL, DMA_TO_DEVICE, DMA_FROM_DEVICE, DMA_NONE };
#define DMA_MAPPING_ERROR (~(dma_addr_t)0)
#define DMA_BIT_MASK(n) ((n) == 64 ? ~0ULL : (1ULL << (n)) - 1)
#define DMA_ATTR_NO_WARN 256
#define DMA_ATTR_MMIO 1024
#define CONFIG_DMA_OPS_BYPASS 1
struct device;
struct scatterlist {
	unsigned long page_link;
	unsigned int offset, length;
	dma_addr_t dma_address;
	unsigned int dma_length;
};
#define sg_next(s) ((s) + 1)
#define for_each_sg(list, s, n, i) for (i = 0, s = (list); i < (int)(n); i++, s = sg_next(s))
#define sg_phys(s) ((phys_addr_t)(s)->page_link + (s)->offset)
#define sg_virt(s) __va(sg_phys(s))
struct dma_map_ops {
	void *(*alloc)(struct device *, size_t, dma_addr_t *, gfp_t, unsigned long);
	void (*free)(struct device *, size_t, void *, dma_addr_t, unsigned long);
	struct page *(*alloc_pages_op)(struct device *, size_t, dma_addr_t *, enum dma_data_direction, gfp_t);
	struct page *(*alloc_pages)(struct device *, size_t, dma_addr_t *, enum dma_data_direction, gfp_t);
	void (*free_pages)(struct device *, size_t, struct page *, dma_addr_t, enum dma_data_direction);
	int (*mmap)(struct device *, void *, void *, dma_addr_t, size_t, unsigned long);
	int (*get_sgtable)(struct device *, void *, void *, dma_addr_t, size_t, unsigned long);
	dma_addr_t (*map_page)(struct device *, struct page *, unsigned long, size_t, enum dma_data_direction, unsigned long);
	void (*unmap_page)(struct device *, dma_addr_t, size_t, enum dma_data_direction, unsigned long);
	dma_addr_t (*map_phys)(struct device *, phys_addr_t, size_t, enum dma_data_direction, unsigned long);
	void (*unmap_phys)(struct device *, dma_addr_t, size_t, enum dma_data_direction, unsigned long);
	int (*map_sg)(struct device *, struct scatterlist *, int, enum dma_data_direction, unsigned long);
	void (*unmap_sg)(struct device *, struct scatterlist *, int, enum dma_data_direction, unsigned long);
	int (*dma_supported)(struct device *, u64);
	u64 (*get_required_mask)(struct device *);
};
#define dma_common_mmap NULL
#define dma_common_get_sgtable NULL
#define dma_common_alloc_pages NULL
#define dma_common_free_pages NULL
u64 dma_direct_get_required_mask(struct device *);

/* linux/device.h, linux/pci.h, linux/iommu.h: the fields that the DDW code and its callers use */
struct iommu_device { int unused; };
#include <asm/device.h>
struct iommu_group;
struct device_dma_parameters { unsigned int max_segment_size; unsigned long segment_boundary_mask; };
struct device {
	struct device_node *of_node;
	struct device *parent;
	struct dev_archdata archdata;
	u64 *dma_mask, coherent_dma_mask, bus_dma_limit;
	struct device_dma_parameters limits;
	bool dma_ops_bypass;
	const struct dma_map_ops *dma_ops;
	struct iommu_group *iommu_group;
};
#define dev_dma_ops_bypass(dev) ((dev)->dma_ops_bypass)
#define dev_set_dma_ops_bypass(dev) ((dev)->dma_ops_bypass = true)
#define dev_clear_dma_ops_bypass(dev) ((dev)->dma_ops_bypass = false)
#define dev_assign_dma_ops_bypass(dev, v) ((dev)->dma_ops_bypass = (v))
#define bus_register_notifier(bus, block) ((void)(block))
#define BUS_NOTIFY_DEL_DEVICE 2
#define BUS_NOTIFY_ADD_DEVICE 1
struct pci_controller;
struct pci_bus { struct pci_bus *self; void *sysdata; struct device dev; unsigned char number; };
struct pci_dev { struct device dev; struct pci_bus *bus; unsigned int devfn; };
#define dev_is_pci(dev) 1
#define to_pci_dev(d) container_of(d, struct pci_dev, dev)
#define dev_to_node(dev) 0
#define device_is_registered(dev) 1
#define pci_device_to_OF_node(d) ((d)->dev.of_node)
#define pci_bus_to_OF_node(b) ((b)->dev.of_node)
#define pci_domain_nr(b) 0
#define dma_get_mask(dev) (*(dev)->dma_mask)
#define dma_get_max_seg_size(dev) ((dev)->limits.max_segment_size)
#define dma_get_seg_boundary(dev) ((dev)->limits.segment_boundary_mask)
static inline unsigned long dma_get_seg_boundary_nr_pages(struct device *dev, unsigned int page_shift)
{
	return (dma_get_seg_boundary(dev) >> page_shift) + 1;
}
void set_pci_dma_ops(const struct dma_map_ops *);

struct iommu_domain;
struct iommu_domain_ops { int (*attach_dev)(struct iommu_domain *, struct device *); };
struct iommu_domain { unsigned type; const struct iommu_domain_ops *ops; };
struct attribute;
struct attribute_group { const char *name; struct attribute **attrs; };
enum iommu_cap { IOMMU_CAP_CACHE_COHERENCY, IOMMU_CAP_OTHER };
#define IOMMU_DOMAIN_PLATFORM 32
#define IOMMU_DOMAIN_BLOCKED 0
struct iommu_ops {
	struct iommu_domain *default_domain, *blocked_domain;
	bool (*capable)(struct device *, enum iommu_cap);
	struct iommu_device *(*probe_device)(struct device *);
	void (*release_device)(struct device *);
	struct iommu_group *(*device_group)(struct device *);
};
struct iommu_group *iommu_group_alloc(void);
void iommu_group_put(struct iommu_group *);
struct iommu_group *iommu_group_get(struct device *);
struct iommu_group *iommu_group_ref_get(struct iommu_group *);
void iommu_group_set_iommudata(struct iommu_group *, void *, void (*)(void *));
void *iommu_group_get_iommudata(struct iommu_group *);
int iommu_group_for_each_dev(struct iommu_group *, void *, int (*)(struct device *, void *));
int iommu_group_add_device(struct iommu_group *, struct device *);
void iommu_group_remove_device(struct device *);
int iommu_probe_device(struct device *);
#define iommu_group_set_name(g, n) ((void)(g))
#define iommu_group_id(g) 0
#define iommu_get_domain_for_dev(dev) ((struct iommu_domain *)(dev))
#define iommu_driver_get_domain_for_dev(dev) iommu_get_domain_for_dev(dev)
#define device_iommu_mapped(dev) ((dev)->iommu_group != NULL)
#define iommu_device_sysfs_add(...) 0
#define iommu_device_sysfs_remove(d) ((void)(d))
#define iommu_device_register(...) 0
#define iommu_device_unregister(d) ((void)(d))

/* asm/lppaca.h: what asm/plpar_wrappers.h of 6.1 names in functions that nobody calls */
#define MSR_EE 0x8000UL
#define mfmsr() 0UL
struct lppaca { u8 cede_latency_hint, idle, donate_dedicated_cpu, ebb_regs_in_use; };
#define get_lppaca() ((struct lppaca *)NULL)

/* linux/crash_dump.h, asm/fadump.h, asm/kdump.h */
extern bool kdump_kernel;
#define is_kdump_kernel() kdump_kernel
#define is_fadump_active() false
#define KDUMP_MIN_TCE_ENTRIES 2048

/* asm/rtas.h, linux/memblock.h, asm/mmzone.h */
int rtas_call(int token, int nargs, int nret, int *outputs, ...);
unsigned int rtas_busy_delay(int status);
u64 hot_add_drconf_memory_max(void);
u64 memory_hotplug_max(void);
u64 memblock_end_of_DRAM(void);
int walk_system_ram_range(unsigned long, unsigned long, void *, int (*)(unsigned long, unsigned long, void *));
typedef int irqreturn_t;
typedef irqreturn_t (*irq_handler_t)(int, void *);
struct machdep_calls { void (*iommu_restore)(void); };
extern struct machdep_calls ppc_md;

/* The tree's own, which every kernel file gets through some header or other. */
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/sizes.h>
#include <asm/dma-direct.h>

#endif

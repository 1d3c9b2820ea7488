/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The device tree: drivers/of/base.c as far as the DDW code asks. Its root is `tree`, whose children are the nodes. */
#include "shim.h"
#include "partition.h"

struct device_node tree;
struct device_node *of_chosen;

/* The node after `node` in depth-first order, NULL at the end. */
static struct device_node *next_node(struct device_node *node)
{
	if (!node)
		return tree.child;
	if (node->child)
		return node->child;
	while (node && !node->sibling)
		node = node->parent;
	return node ? node->sibling : NULL;
}

struct device_node *of_find_node_by_type(struct device_node *from, const char *type)
{
	while ((from = next_node(from)))
		if (from->type && !strcmp(from->type, type))
			return from;
	return NULL;
}

struct device_node *of_find_node_with_property(struct device_node *from, const char *name)
{
	while ((from = next_node(from)))
		if (of_find_property(from, name, NULL))
			return from;
	return NULL;
}

struct property *of_find_property(const struct device_node *node, const char *name, int *length)
{
	struct property *property = node ? node->properties : NULL;

	while (property && strcmp(property->name, name))
		property = property->next;
	if (property && length)
		*length = property->length;
	return property;
}

const void *of_get_property(const struct device_node *node, const char *name, int *length)
{
	struct property *property = of_find_property(node, name, length);

	return property ? property->value : NULL;
}

/*
 * A change takes of_mutex, and tells the notifiers: from one of them, the same chain would be entered again, whose
 * semaphore then may wait for itself.
 */
static void may_change(const struct device_node *node)
{
	may_sleep(__FILE__, __LINE__);
	if (cpus[this_cpu].tells_tree)
		host_crash("deadlock: a notifier of the device tree changes it", __FILE__, __LINE__);
}

int of_add_property(struct device_node *node, struct property *property)
{
	struct property **last = &node->properties;

	may_change(node);
	if (of_find_property(node, property->name, NULL))
		return -EEXIST;
	while (*last)
		last = &(*last)->next;
	property->next = NULL;
	*last = property;
	return 0;
}

int of_remove_property(struct device_node *node, struct property *property)
{
	struct property **link = &node->properties;

	may_change(node);
	while (*link && *link != property)
		link = &(*link)->next;
	if (!*link)
		return -ENODEV;
	*link = property->next;
	property->next = node->deadprops; /* whoever still reads it may; of_node_release() frees it */
	node->deadprops = property;
	return 0;
}

static void release_properties(struct property *property, struct property *ours, int count)
{
	for (struct property *next; property; property = next) {
		next = property->next;
		if (property >= ours && property < ours + count)
			continue;
		kfree(property->name);
		kfree(property->value);
		kfree(property);
	}
}

/* drivers/of/dynamic.c: of_node_release() of a node that came by DLPAR. `ours`: properties that are no memory of their own. */
void release_node(struct device_node *node, struct property *ours, int count)
{
	release_properties(node->properties, ours, count);
	release_properties(node->deadprops, ours, count);
	node->properties = node->deadprops = NULL;
}

int of_property_read_u32_array(const struct device_node *node, const char *name, u32 *out, size_t count)
{
	int length;
	const __be32 *cells = of_get_property(node, name, &length);

	if (!cells)
		return -EINVAL;
	if (length < (int)(count * sizeof(*cells)))
		return -EOVERFLOW;
	for (size_t i = 0; i < count; i++)
		out[i] = be32_to_cpu(cells[i]);
	return 0;
}

int of_property_read_u32_index(const struct device_node *node, const char *name, u32 index, u32 *out)
{
	int length;
	const __be32 *cells = of_get_property(node, name, &length);

	if (!cells)
		return -EINVAL;
	if (length < (int)((index + 1) * sizeof(*cells)))
		return -EOVERFLOW;
	*out = be32_to_cpu(cells[index]);
	return 0;
}

int of_n_addr_cells(struct device_node *node)
{
	return 2;
}

int of_n_size_cells(struct device_node *node)
{
	return 2;
}

/* arch/powerpc/kernel/prom_parse.c: LIOBN, then address and size of two cells each. */
void of_parse_dma_window(struct device_node *node, const void *window, unsigned long *liobn, unsigned long *address,
			 unsigned long *size)
{
	const __be32 *cells = window;

	if (!window)
		host_crash("NULL dereference in of_parse_dma_window()", __FILE__, __LINE__);
	*liobn = of_read_number(cells, 1);
	*address = of_read_number(cells + 1, 2);
	*size = of_read_number(cells + 3, 2);
}

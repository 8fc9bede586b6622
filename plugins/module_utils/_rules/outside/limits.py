# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How much of what strangers send is taken. Every limit of the collection on input from outside stands here."""

from __future__ import annotations

BODY = 16 * 1024 * 1024
"""Bytes of one answer of an API server. A page of a list that is larger is asked for in smaller pages."""
LISTING = {"WEC": 64 * 1024 * 1024, "": 2 * 1024 * 1024 * 1024}
"""Bytes of all pages of a list together, by the side that answers. In memory they take some ten times as much."""
WATCH_LINE = 8 * 1024 * 1024
"""Bytes of one change in a watch; etcd holds no object of more than 1.5 MiB."""
PAGES = 2000
"""Pages of one list."""
OBJECTS = 500_000
"""Objects of one list."""
REQUEST_READS = 4
"""A request may take as many times its read timeout in all, which by itself counts from one byte to the next."""
LISTING_READS = 10
"""The same for all pages of a list together."""
JOIN_READS = 20
"""The same for everything that is asked of one WEC while it is joined."""
EMPTY_PAGES = 20
"""Pages without an object, one after the other, in a list that says that it goes on."""
PLUGIN_SECONDS = 60
"""For a credential plugin: a browser or a person that it waits for does not come."""
DOCUMENT = 1024 * 1024
"""Bytes of a YAML document from a cluster or a node: as much as a Secret can hold (Kubernetes: core/v1 MaxSecretSize)."""
NESTING = 64
"""Collections inside each other in a document from a stranger; a kubeconfig has five."""
SHORTEST_SECRET = 8
"""Characters. A shorter secret that a stranger names is hidden where it stands, and not wherever the same letters occur."""
CELL = 64
"""Characters of a cell in a table on the screen: the name of a WEC, which has 63, is whole."""
LINE = 400
"""Characters of the last cell of a row, which nothing stands beside."""
NAME = 253
"""Characters of a name or an identifier; DNS and Kubernetes know no longer ones."""
TEXT = 32 * 1024
"""Characters of a text for people that a host or a WEC tells, such as the message of a condition (Kubernetes: 32768)."""
ITEMS = 10_000
"""Entries of one list in what a host tells of its WEC."""
FACT = 200
"""Characters of what an error says about something that cannot be read."""

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet of simulated WECs for a real hub, in one process.

Each has an API of its own that is Kubernetes enough for clusteradm, kubectl and the collection, and an agent that
speaks the real protocol with the hub. Nothing runs on them.
"""

FOLDER = "simulated"
"""The fleet's own folder in a sandbox's state folder."""

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sphinx's configuration of the site."""

from __future__ import annotations

import pathlib
import re
import zlib

from pygments.lexers.special import TextLexer
from sphinx.highlighting import lexers

_HERE = pathlib.Path(__file__).parent
# Sphinx's inventory of what pages refer to in Ansible's own documentation, so that none must be downloaded.
_ELSEWHERE = "https://docs.ansible.com/projects/ansible/latest/"
_LABELS = {
    "action_plugins": "plugins/action.html",
    "ansible_configuration_settings": "reference_appendices/config.html",
    "callback_plugins": "plugins/callback.html",
    "common_return_values": "reference_appendices/common_return_values.html",
}
_BUILTIN = re.compile(
    r"\bansible_collections\.ansible\.builtin\.(\w+_(?:callback|filter|inventory|lookup|module|test))\b"
)
_VARIABLE = re.compile(r":ansenvvarref:`(ANSIBLE\\_[\w\\]+)`")


def _write_inventory(file: pathlib.Path) -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted((_HERE / "collection").glob("*.rst")))
    builtin = {f"ansible_collections.ansible.builtin.{one}": one for one in _BUILTIN.findall(text)}
    labels = {**_LABELS, **{label: f"collections/ansible/builtin/{one}.html" for label, one in builtin.items()}}
    lines = [f"{label} std:label -1 {page} -" for label, page in labels.items()]
    for name in sorted({one.replace("\\", "") for one in _VARIABLE.findall(text)}):
        lines.append(f"{name} std:envvar 1 reference_appendices/config.html#envvar-{name} -")
    head = "# Sphinx inventory version 2\n# Project: Ansible\n# Version: \n# The remainder of this file is compressed using zlib.\n"
    file.write_bytes(head.encode() + zlib.compress("".join(f"{line}\n" for line in lines).encode()))


_write_inventory(_HERE / "ansible.inv")
# Pygments has none.
lexers["csv"] = TextLexer()

project = "kubestellar.wec"
copyright = "The kubestellar.wec authors"
title = html_short_title = "kubestellar.wec"
extensions = ["myst_parser", "sphinx.ext.intersphinx", "sphinx_antsibull_ext"]
myst_heading_anchors = 4
intersphinx_mapping = {"ansible": (_ELSEWHERE, str(_HERE / "ansible.inv"))}
default_role = "any"
highlight_language = "YAML+Jinja"
pygments_style = "ansible"
nitpicky = False
html_theme = "sphinx_ansible_theme"
html_show_sphinx = False
html_use_smartypants = True
html_use_modindex = False
html_use_index = False
html_copy_source = False
html_theme_options = {
    "collapse_navigation": True,
    # The banner on top; a relative address would not lead to one place from all folders.
    "documentation_home_url": "https://docs.ansible.com/",
}

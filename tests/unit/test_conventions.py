# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tree keeps its own rules: layers, documentation, and what is listed where."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import pathlib
import re
import types
import typing as t

import pytest
import yaml
from ansible_collections.kubestellar.wec.plugins.module_utils._rules import problems, variables
from ansible_collections.kubestellar.wec.plugins.plugin_utils import _unknown_variables

ROOT = pathlib.Path(__file__).parents[2]
PLUGINS = ROOT / "plugins"
UTILS = PLUGINS / "module_utils"
MODULES = sorted(path.stem for path in (PLUGINS / "modules").glob("*.py"))
CALLBACKS = sorted(path.stem for path in (PLUGINS / "callback").glob("*.py"))
INVENTORIES = sorted(path.stem for path in (PLUGINS / "inventory").glob("*.py"))
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir())
LAYERS = ["_rules", "_apis", "_operations", "_modules"]
ALLOWED: dict[str, set[pathlib.Path]] = {
    "kubernetes": {UTILS / "_apis" / "kube.py"},
    "urllib3": {UTILS / "_apis" / "kube.py"},
    "subprocess": {UTILS / "_apis" / "clusteradm.py", UTILS / "_apis" / "credential_plugin.py"},
    "cryptography": {UTILS / "_rules" / "certificates.py"},
    "jinja2": {PLUGINS / "plugin_utils" / "_report_page.py"},
    "yaml": {UTILS / "_rules" / "yaml_text.py"},
}


def imports(path: pathlib.Path) -> t.Iterator[str]:
    """Absolute names of everything that a file imports."""
    package = path.relative_to(ROOT).parent.parts
    tree = ast.parse(path.read_text())
    for_types_only = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "t.TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in for_types_only:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = [*package[: len(package) - node.level + 1]] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", sorted(UTILS.rglob("*.py")), ids=lambda path: str(path.relative_to(UTILS)))
def test_imports_go_downwards_only(path: pathlib.Path) -> None:
    layer = path.relative_to(UTILS).parts[0]
    above = LAYERS[LAYERS.index(layer) + 1 :] if layer in LAYERS else LAYERS
    for name in imports(path):
        assert not any(name.startswith(f"plugins.module_utils.{other}") for other in above), name
        if layer != "_modules":
            assert not name.startswith("ansible"), f"only glue knows Ansible: {name}"


@pytest.mark.parametrize("library", ALLOWED)
def test_one_file_imports_each_library(library: str) -> None:
    users = {path for path in PLUGINS.rglob("*.py") if any(name.split(".")[0] == library for name in imports(path))}
    assert users == ALLOWED[library]


@pytest.mark.parametrize("module", MODULES)
def test_each_module_has_its_action_and_is_in_the_group(module: str) -> None:
    assert (PLUGINS / "action" / f"{module}.py").exists()
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())
    # The one that asks nobody has none of the options that a group is for.
    assert runtime["action_groups"]["wec"] == [name for name in MODULES if name != "wec_result"]


@pytest.mark.parametrize("module", MODULES)
def test_examples_are_tasks_with_options_that_exist(module: str) -> None:
    loaded = importlib.import_module(f"ansible_collections.kubestellar.wec.plugins.modules.{module}")
    body = importlib.import_module(f"ansible_collections.kubestellar.wec.plugins.module_utils._modules.{module}")
    tasks = yaml.safe_load(loaded.EXAMPLES)
    assert tasks
    assert any(f"kubestellar.wec.{module}" in task for task in tasks)
    for task in tasks:
        assert task["name"]
        used = set(task.get(f"kubestellar.wec.{module}") or {})
        aliases = {alias for option in body.SPEC["argument_spec"].values() for alias in option.get("aliases", [])}
        assert used <= set(body.SPEC["argument_spec"]) | aliases


@pytest.mark.parametrize("plugin", INVENTORIES)
def test_examples_of_an_inventory_have_options_that_exist(plugin: str) -> None:
    loaded = importlib.import_module(f"ansible_collections.kubestellar.wec.plugins.inventory.{plugin}")
    documentation = yaml.safe_load(loaded.DOCUMENTATION)
    known = set(documentation["options"])
    for fragment in documentation["extends_documentation_fragment"]:
        namespace, collection, name = fragment.split(".")
        core = "ansible.plugins.doc_fragments"
        own = f"ansible_collections.{namespace}.{collection}.plugins.doc_fragments"
        page = importlib.import_module(
            f"{core if namespace == 'ansible' else own}.{name}"
        ).ModuleDocFragment.DOCUMENTATION
        known |= set(yaml.safe_load(page)["options"])
    examples = list(yaml.safe_load_all(loaded.EXAMPLES))
    assert examples
    for example in examples:
        assert example["plugin"] == f"kubestellar.wec.{plugin}"
        assert set(example) <= known


@pytest.mark.parametrize("role", ROLES)
def test_a_roles_defaults_are_documented_and_prefixed(role: str) -> None:
    defaults = yaml.safe_load((ROOT / "roles" / role / "defaults" / "main.yml").read_text())
    options = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text())
    documented = options["argument_specs"]["main"]["options"]
    own = {name for name in documented if name.startswith(f"{role}_")}
    # What is read from the inventory has no default that would hide a variable of it that cannot be evaluated.
    assert set(defaults) <= own
    assert {name for name in own if "default" in documented[name]} <= set(defaults)
    for name, value in defaults.items():
        if "default" in documented[name]:
            assert documented[name]["default"] == value, name


@pytest.mark.parametrize("role", ROLES)
def test_every_variable_that_a_role_reads_is_documented(role: str) -> None:
    folder = ROOT / "roles" / role
    documented = set(
        yaml.safe_load((folder / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    )
    text = "\n".join(path.read_text() for path in folder.rglob("tasks/*.yml"))
    read = set(re.findall(r"\{\{ ((?:its|wec)_\w+) \|", text))
    assert read <= documented


@pytest.mark.parametrize(
    "thing",
    [*MODULES, *INVENTORIES, *ROLES, *CALLBACKS, *(path.stem for path in (ROOT / "playbooks").glob("*.yml"))],
)
def test_the_overview_lists_everything(thing: str) -> None:
    page = (ROOT / "docs" / "reference.md").read_text()
    assert f"`{thing}`" in page or f"`kubestellar.wec.{thing}`" in page


@pytest.fixture(scope="module")
def generator() -> types.ModuleType:
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "tests" / "generate_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["compatibility.md", "problems.md", "variables.md"])
def test_a_page_that_is_made_of_the_code_is_up_to_date(generator: types.ModuleType, page: str) -> None:
    assert (ROOT / "docs" / page).read_text() == generator.PAGES[page](), "run 'make docs'"


def test_a_renamed_code_is_gone_and_its_new_name_is_a_code(generator: types.ModuleType) -> None:
    codes = {kind.code for _title, kinds in problems.SECTIONS for kind in kinds}
    assert set(generator.RENAMED.values()) <= codes
    assert not set(generator.RENAMED) & codes


def test_the_table_of_versions_has_its_place(generator: types.ModuleType) -> None:
    page = (ROOT / "docs" / "compatibility.md").read_text()
    assert all(page.count(mark) == 1 for mark in generator.PROVED)


def test_every_variable_that_a_playbook_reads_is_known() -> None:
    text = "\n".join(path.read_text() for path in (ROOT / "playbooks").glob("*.yml"))
    text = re.sub(r"#.*|tags: .*", "", text)
    prefixes = "|".join(("wec", "its", "wds", "register", "configure", "deregister", "status", "diagnose", "export"))
    read = set(re.findall(rf"(?<![\w.'])(?:{prefixes})_[a-z_]*[a-z]\b(?! *:)", text))
    registered = set(re.findall(r"register: (\w+)", text)) | {name for name in read if "__" in name}
    of_the_play = set(re.findall(r"^    (\w+): ", text, re.MULTILINE))
    assert read - registered - of_the_play - set(MODULES) <= _unknown_variables.known()


def test_a_variable_of_the_playbooks_is_read_by_those_that_it_names() -> None:
    for one in variables.OF_PLAYBOOKS:
        for playbook in one.playbooks:
            text = (ROOT / "playbooks" / f"{playbook}.yml").read_text()
            for imported in re.findall(r"import_playbook: (\S+)", text):
                text += (ROOT / "playbooks" / imported).read_text()
            assert one.name in text or one.name == variables.UNKNOWN, (one.name, playbook)


def test_every_problem_is_recognised_somewhere() -> None:
    table = UTILS / "_rules" / "problems.py"
    code = "\n".join(path.read_text() for path in UTILS.rglob("*.py") if path != table)
    told_by_roles = "\n".join(path.read_text() for path in (ROOT / "roles").rglob("*.yml"))
    loaded = importlib.import_module("ansible_collections.kubestellar.wec.plugins.module_utils._rules.problems")
    unused = [kind for kind in loaded.BY_CODE if f'"{kind}"' not in code and f"[{kind}]" not in told_by_roles]
    # Those of the two sides are put together from the side's name.
    assert set(unused) <= {"its_unreachable", "wec_unreachable"}


def test_every_source_file_names_its_licence() -> None:
    for path in [*PLUGINS.rglob("*.py"), *(ROOT / "tests").rglob("*.py"), *(ROOT / "roles").rglob("*.yml")]:
        if path.name == "__init__.py":
            continue
        assert "SPDX-License-Identifier: GPL-3.0-or-later" in path.read_text()[:500], path


def test_no_option_speaks_of_the_one_before_it() -> None:
    """ansible-doc sorts options by name."""
    before = re.compile(r"\bin it\b|\bcredentials for it\b|\b(of|for) that \w+\b")
    specs = [yaml.safe_load(file.read_text()) for file in (ROOT / "roles").glob("*/meta/argument_specs.yml")]
    options = [one for spec in specs for entry in spec["argument_specs"].values() for one in entry["options"].items()]
    for file in [*(PLUGINS / "modules").glob("*.py"), *(PLUGINS / "doc_fragments").glob("*.py")]:
        texts = [text for text in re.findall(r'r"""\n(.*?)"""', file.read_text(), re.DOTALL) if "{prefix}" not in text]
        found = [yaml.safe_load(text) for text in texts if text.startswith(("options:", "module:", "---\nmodule:"))]
        options += [one for text in found for one in (text.get("options") or {}).items()]
    assert len(options) > 100
    for name, one in options:
        first = one["description"] if isinstance(one["description"], str) else one["description"][0]
        assert not before.search(first.partition(". ")[0]), (name, first)


@pytest.mark.parametrize("module", ["wec_configure", "wec_label", "wec_properties"])
def test_samples_of_the_wds_are_the_wds_s(module: str) -> None:
    (returned,) = re.findall(r'RETURN = r"""\n(.*?)"""', (PLUGINS / "modules" / f"{module}.py").read_text(), re.DOTALL)
    found = yaml.safe_load(returned)
    for side in ("its", "wds"):
        assert found[side]["contains"]["source"]["sample"].startswith(f"{side}_kubeconfig ")
        assert found[side]["contains"]["server"]["sample"] == f"https://{side}1.example:6443"

# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tree keeps its own rules: layers, documentation, and what is listed where."""

from __future__ import annotations

import ast
import functools
import importlib
import importlib.util
import pathlib
import re
import types
import typing as t

import pytest
import yaml
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.fleet import variables
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.status import problems
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
    "cryptography": {UTILS / "_rules" / "registration" / "certificates.py"},
    "jinja2": {PLUGINS / "plugin_utils" / "_report_page.py"},
    "yaml": {UTILS / "_rules" / "outside" / "yaml_text.py"},
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


@pytest.mark.parametrize(
    ("role", "module"), [("register", "wec_join"), ("configure", "wec_configure"), ("deregister", "wec_join")]
)
def test_defaults_of_a_roles_variables_are_those_of_the_module(role: str, module: str) -> None:
    body = importlib.import_module(f"ansible_collections.kubestellar.wec.plugins.module_utils._modules.{module}")
    spec = body.SPEC["argument_spec"]
    options = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text())
    for name, one in options["argument_specs"]["main"]["options"].items():
        option = name.removeprefix(f"{role}_")
        if option == name or option not in spec:
            continue
        # What variables of a host say is applied, and what a task says itself is present.
        default = "applied" if option.endswith("_state") else spec[option].get("default")
        assert (one["type"], one.get("default")) == (spec[option]["type"], default), name


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


@pytest.mark.parametrize(
    "page",
    [
        *(f"docs/{page}.md" for page in ("compatibility", "problems", "variables")),
        *(f"roles/{role}/defaults/main.yml" for role in ROLES),
    ],
)
def test_a_page_that_is_made_of_the_code_is_up_to_date(generator: types.ModuleType, page: str) -> None:
    assert (ROOT / page).read_text() == generator.PAGES[page](), "run 'make docs'"


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
    # The first word of all that there are, such as status_.
    prefixes = "|".join(sorted({name.partition("_")[0] for name in _unknown_variables.known()}))
    read = set(re.findall(rf"(?<![\w.'\[])(?:{prefixes})_[a-z_]*[a-z]\b(?! *:)", text))
    registered = set(re.findall(r"register: (\w+)", text)) | {name for name in read if "__" in name}
    of_the_play = set(re.findall(r"^    (\w+): ", text, re.MULTILINE))
    unknown = read - registered - of_the_play - set(MODULES) - _unknown_variables.known()
    assert not unknown, (
        f"A playbook reads {unknown}. Declare it in plugins/module_utils/_rules/fleet/variables.py (OF_PLAYBOOKS), and run 'make docs'"
    )


def test_a_variable_of_the_playbooks_is_read_by_those_that_it_names() -> None:
    for one in variables.OF_PLAYBOOKS:
        for playbook in one.playbooks:
            text = (ROOT / "playbooks" / f"{playbook}.yml").read_text()
            for imported in re.findall(r"import_playbook: (\S+)", text):
                text += (ROOT / "playbooks" / imported).read_text()
            assert one.name in text or one.name == variables.UNKNOWN, (
                f"plugins/module_utils/_rules/fleet/variables.py says that playbooks/{playbook}.yml reads {one.name}, and it does not"
            )


CODES = [kind.code for _title, kinds in problems.SECTIONS for kind in kinds]
OF_A_SIDE = {"its_unreachable", "wec_unreachable"}
"""Those of the two sides are put together from the side's name."""


@functools.cache
def texts_of(*folders: pathlib.Path) -> str:
    table = UTILS / "_rules" / "status" / "problems.py"
    return "\n".join(path.read_text() for one in folders for path in one.rglob("*.py") if path != table)


@pytest.mark.parametrize("code", CODES)
def test_a_problem_is_recognised_somewhere_and_shown_by_a_test(code: str) -> None:
    assert CODES.count(code) == 1, f"{code} is twice in plugins/module_utils/_rules/status/problems.py. Take one out"
    is_recognised = code in OF_A_SIDE or f'"{code}"' in texts_of(UTILS)
    assert is_recognised, (
        f"{code} is in plugins/module_utils/_rules/status/problems.py, and nothing recognizes it. Return "
        f'problems.of("{code}", "evidence") where it shows'
    )
    is_shown = re.search(rf'["\[]{code}["\]]', texts_of(ROOT / "tests" / "unit", ROOT / "tests" / "integration"))
    assert is_shown, f"No test shows {code}. Write one that gives the evidence and looks for the code"


def test_a_code_that_is_returned_is_in_the_table() -> None:
    returned = set(
        re.findall(r'problems\.of\(\s*"(\w+)"', texts_of(UTILS, PLUGINS / "plugin_utils", PLUGINS / "action"))
    )
    assert returned
    unknown = returned - set(CODES)
    assert not unknown, (
        f"{unknown} is returned, and has no Kind in plugins/module_utils/_rules/status/problems.py. Add it"
    )


def test_options_that_a_remedy_names_are_options() -> None:
    bodies = [f"ansible_collections.kubestellar.wec.plugins.module_utils._modules.{module}" for module in MODULES]
    known = {option for body in bodies for option in importlib.import_module(body).SPEC["argument_spec"]}
    named = {
        (kind.code, option)
        for _title, kinds in problems.SECTIONS
        for kind in kinds
        for option in re.findall(r"\{(\w+)\}", kind.advice)
    }
    unknown = {(code, option) for code, option in named if option not in known}
    assert not unknown, f"{unknown}: the remedy of the code names an option that no module has"


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

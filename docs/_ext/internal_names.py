"""Names of the package that the reference does not list under that name: they must exist, but need no entry.

Signatures and docstrings say where something is defined; the reference has it where users import it from.
"""

import pkgutil

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

PACKAGE = "modelscope_swinpan"


def resolve(app: Sphinx, env: BuildEnvironment, link: pending_xref, shown: nodes.Element) -> nodes.Node | None:
    """The link to the public name, else the text alone, or None for a name that does not exist."""
    target = link.get("reftarget", "")
    if link.get("refdomain") != "py" or not target.startswith(f"{PACKAGE}."):
        return None
    try:
        pkgutil.resolve_name(target)
    except (ImportError, AttributeError):
        return None
    public = f"{PACKAGE}.{target.rpartition('.')[2]}"
    python = env.domains.python_domain
    if public in python.objects and public != target:
        return python.resolve_xref(env, link["refdoc"], app.builder, "obj", public, link, shown)
    return shown


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""Build the site in both languages and check it: ``python docs/build.py [FOLDER]``, by default ``build/docs``.

English lies in the folder, Chinese below it in ``zh``. A warning, a link that leads nowhere, and anything that a page
would load from another host, are errors.
"""

import sys
import tempfile
from pathlib import Path

from sphinx.cmd.build import build_main

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from check import problems  # noqa: E402

LANGUAGES = ((HERE, ".", []), (HERE / "zh", "zh", ["--tag", "zh"]))
"""Of each language the pages, the folder within the site, and options."""


def build(folder: Path) -> int:
    """The exit status: 0 where all is well."""
    status = 0
    for source, place, options in LANGUAGES:
        with (
            tempfile.TemporaryDirectory() as doctrees
        ):  # kept ones would hide the warnings of pages that did not change
            strict = ["--quiet", "--fail-on-warning", "--nitpicky", "--doctree-dir", doctrees]
            status |= build_main([*strict, *options, "--conf-dir", str(HERE), str(source), str(folder / place)])
    found = problems(folder)
    for problem in found:
        print(problem, file=sys.stderr)  # noqa: T201
    return status or int(bool(found))


if __name__ == "__main__":
    sys.exit(build(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "build" / "docs"))

"""Links that hold on GitHub hold on the site, too: to files of the other language and of the repository's root."""

import posixpath
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

ROOT = Path(__file__).parents[2]
ADDRESSES = {
    "README.md": "index.html",
    "README.zh-CN.md": "zh/index.html",
    "CONTRIBUTING.md": "project/contributing.html",
    "SECURITY.md": "project/security.html",
    "CHANGELOG.md": "project/changes.html",
}
"""The pages that show files of the repository's root."""


def address(file: Path) -> str | None:
    """Where the site has a Markdown file of the repository, from the root of the site."""
    name = file.relative_to(ROOT).as_posix()
    if name.startswith("docs/"):
        return name.removeprefix("docs/").removesuffix(".md") + ".html"
    return ADDRESSES.get(name)


class RepositoryLinks(SphinxPostTransform):
    """Resolves what MyST cannot, since the file is none of this language's pages."""

    default_priority = 8  # before MyST's own resolver, which has 9

    def run(self) -> None:
        """Called by Sphinx for each page."""
        for link in list(self.document.findall(addnodes.pending_xref)):
            if link["reftype"] == "myst" and link["reftarget"] not in self.env.found_docs:
                target, _, anchor = self._target(link)
                file = self._file(link["refdoc"], target)
                if file and (to := address(file)):
                    uri = posixpath.relpath(to, posixpath.dirname(self._here(link["refdoc"])) or ".")
                    uri += f"#{anchor}" if anchor else ""
                    link.replace_self(nodes.reference("", "", *link.children, refuri=uri, internal=True))

    @staticmethod
    def _target(link: addnodes.pending_xref) -> tuple[str, str, str]:
        if link["refdomain"] == "doc":  # an absolute path without its suffix
            return link["reftarget"] + ".md", "#", link.get("reftargetid") or ""
        return link["reftarget"].partition("#")

    def _file(self, page: str, target: str) -> Path | None:
        """The Markdown file that a link means: as seen from the page, from the file of the root that the page
        includes, or the English page where there is no Chinese one.
        """
        folder = Path(self.env.doc2path(page)).parent
        places = [folder, ROOT, folder.parent] if target.endswith(".md") else []
        files = [Path(posixpath.normpath(place / target)) for place in places]
        return next((file for file in files if file.is_file() and file.is_relative_to(ROOT)), None)

    def _here(self, page: str) -> str:
        return f"zh/{page}" if self.config.language == "zh_CN" else page


class HeadingAnchors(SphinxPostTransform):
    """Headings have GitHub's anchors as well, so that an address with ``#…`` is the same in both places."""

    default_priority = 8

    def run(self) -> None:
        """Called by Sphinx for each page."""
        slugs = self.env.metadata[self.env.docname].get("myst_slugs", {})
        sections = {
            identity: section for section in self.document.findall(nodes.section) for identity in section["ids"]
        }
        for slug, (_, identity, _) in slugs.items():
            if slug not in sections and identity in sections:
                sections[identity]["ids"].append(slug)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_post_transform(RepositoryLinks)
    app.add_post_transform(HeadingAnchors)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""Search in Chinese without a dictionary: each pair of neighbouring characters is a word.

Sphinx's own splits Chinese text by jieba when it makes the index, but the browser cannot split the query in the same
way. Pairs can be made on both sides.
"""

import re

from sphinx.application import Sphinx
from sphinx.search.en import SearchEnglish

HAN = "\u3400-\u4dbf\u4e00-\u9fff"
PIECES = re.compile(f"[{HAN}]+|[^\\W{HAN}]+")


class PairsOfCharacters(SearchEnglish):
    """Chinese as single characters and pairs, all else as English."""

    lang = "zh"
    language_name = "English"  # by which Sphinx 9 calls the stemmer in the browser: that one is English
    js_splitter_code = f"""
function splitQuery(query) {{
  const han = /^[{HAN}]/u;
  return (query.match(/[{HAN}]+|(?:(?![{HAN}])[\\p{{L}}\\p{{N}}_])+/gu) || []).flatMap((piece) =>
    han.test(piece) && piece.length > 1
      ? Array.from({{ length: piece.length - 1 }}, (_, at) => piece.slice(at, at + 2))
      : [piece],
  );
}}
"""

    def split(self, input: str) -> list[str]:  # noqa: A002 - Sphinx's name
        """The words of the index: of Chinese both single characters and pairs."""
        words = []
        for piece in PIECES.findall(input):
            if re.match(f"[{HAN}]", piece):
                words += [*piece, *(piece[at : at + 2] for at in range(len(piece) - 1))]
            else:
                words.append(piece)
        return words


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_search_language(PairsOfCharacters)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

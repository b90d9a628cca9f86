"""``python -m modelscope_swinpan``: the command ``swinpan``, where its folder is not on the path."""

from .cli import main

main()

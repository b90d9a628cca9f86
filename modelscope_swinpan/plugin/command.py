"""``modelscope swinpan …``: our command line as a sub-command of ModelScope's.

Each of ModelScope's commands loads this module. That also registers the plugin, so ``modelscope server`` serves the
model without an import line.
"""

import importlib
from typing import Any

from modelscope_hub.cli.base import CLICommand


class SwinpanCommand(CLICommand):
    """Hands everything after ``modelscope swinpan`` to ``swinpan``."""

    name = "swinpan"

    @staticmethod
    def register(subparsers: Any) -> None:
        """Add the sub-command. With this prefix argparse sees no options and leaves all, ``--help`` too, to us."""
        parser = subparsers.add_parser(
            SwinpanCommand.name, help="Panoptic segmentation of images (swinpan).", add_help=False, prefix_chars="\0"
        )
        parser.add_argument("arguments", nargs="*")
        parser.set_defaults(_command=SwinpanCommand)

    def execute(self) -> None:
        """Run ``swinpan``; it exits with its own status."""
        # By name: cli/ may import the plugin, but not the other way round.
        importlib.import_module("modelscope_swinpan.cli").main(self.args.arguments)

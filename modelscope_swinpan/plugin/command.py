"""``modelscope swinpan …``: our command line as a sub-command of ModelScope's.

ModelScope loads this module with every one of its commands, which also registers the plugin: ``modelscope server`` then
serves the model with no import line.
"""

import importlib
from typing import Any

from modelscope_hub.cli.base import CLICommand


class SwinpanCommand(CLICommand):
    """Hands everything after ``modelscope swinpan`` to ``swinpan``."""

    name = "swinpan"

    @staticmethod
    def register(subparsers: Any) -> None:
        """Add the sub-command. It takes its arguments as they are, ``--help`` too: no option may start with '-'."""
        parser = subparsers.add_parser(
            SwinpanCommand.name, help="Panoptic segmentation of images (swinpan).", add_help=False, prefix_chars="\0"
        )
        parser.add_argument("arguments", nargs="*")
        parser.set_defaults(_command=SwinpanCommand)

    def execute(self) -> None:
        """Run ``swinpan``, which exits; its status becomes that of ``modelscope``."""
        # By name, as the command line stands on top of the plugin and not the other way round.
        importlib.import_module("modelscope_swinpan.cli").main(self.args.arguments)

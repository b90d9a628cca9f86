"""Everything of ModelScope that the plugin replaces, patches or relies on: the one list, and what applies it.

Where a version of ModelScope lacks an entry, :meth:`Part.give_up` says so; upstream's model is never left in place
silently. ``make compat`` runs the plugin's tests with the oldest and the newest version.
"""

import importlib.metadata
import logging
import pkgutil
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import wrapt

from ..errors import ConfigError

OLDEST, NEWEST = "1.38", "1.40.2"
"""The oldest and the newest ModelScope that this version is known to work with."""
R50_MODEL = "r50-panoptic-segmentation"
PIPELINE_TYPES = ("image-panoptic-segmentation", "image-panoptic-segmentation-easycv")
"""The names of our pipeline."""

_logger = logging.getLogger(__name__)


class Internal(NamedTuple):
    """A name of ModelScope, what we do with it, and the oldest version that is known to have it."""

    name: str
    use: str
    since: str = "1.15"

    def get(self) -> Any:
        """What ``name`` ('module:object') stands for, or a ConfigError if the installed version does not have it."""
        try:
            return pkgutil.resolve_name(self.name)
        except (AttributeError, ImportError) as error:
            raise incompatible(f"it has no {self.name} ({self.use})") from error

    def wrap(self, wrapper: Callable[..., Any]) -> None:
        """Replace the function by ``wrapper``, which wrapt calls with the function and its arguments."""
        self.get()
        module, name = self.name.split(":")
        wrapt.wrap_function_wrapper(module, name, wrapper)


class Registration(NamedTuple):
    """Where a class is registered, its types there, and upstream's class of the first type."""

    registry: Internal
    group: str
    types: tuple[str, ...]
    upstream: Internal | None = None

    def add_to_index(self, module: str) -> None:
        """Have ModelScope import ``module`` before it builds one of these types."""
        name, entries, key = self.registry.name.split(":")[1], AST_INDEX.get()()[INDEX_KEY.get()], MODULE_KEY.get()
        entries.update({(name, self.group, type_): {key: module} for type_ in self.types})

    def put(self, built: Callable[..., Any]) -> None:
        """Have ModelScope call ``built`` to build one of these types."""
        for type_ in self.types:
            self.registry.get().register_module(self.group, module_name=type_, module_cls=built, force=True)

    def refuse(self, told: ConfigError) -> bool:
        """Make building one of these types raise this error. Returns whether that could be arranged."""

        def raise_it(**_: Any) -> None:
            raise ConfigError(str(told))

        raise_it.__name__ = self.types[0]  # ModelScope puts it before the message
        try:
            self.add_to_index(__name__)  # upstream's module is then not imported any more, and registers nothing
        except Exception:
            with suppress(Exception):
                if self.upstream is not None:
                    self.upstream.get()
        try:
            self.put(raise_it)
        except Exception:
            return False
        return True


class Part(NamedTuple):
    """A module of this folder, and what it needs of ModelScope.

    It is imported right after ModelScope's module ``after``; without one, when it is first used. Where it is ``vital``,
    ``after`` must not be used without it.
    """

    module: str
    needs: tuple[Internal, ...]
    after: str | None = None
    registration: Registration | None = None
    vital: bool = False

    def register(self, built: Callable[..., Any]) -> None:
        """Have ModelScope build ``built`` for the registration's types; a ConfigError if a need is missing."""
        for needed in self.needs:
            needed.get()
        if self.registration is not None:
            if self.registration.upstream is not None:
                self.registration.upstream.get()  # registers itself on first import, which fails if the type is taken
            self.registration.add_to_index(built.__module__)
            self.registration.put(built)

    def give_up(self, error: Exception) -> None:
        """Tell users that this part cannot be used, because of ``error``.

        * A vital part: this raises a ConfigError, so that the import of ``after`` fails.
        * A part with a registration: building one of its types raises a ConfigError.
        * Others: a warning is logged, and upstream's function stays.
        """
        told = error if isinstance(error, ConfigError) else incompatible(f"{type(error).__name__}: {error}")
        if self.vital:
            raise told from error
        if self.registration is None or not self.registration.refuse(told):
            _logger.warning("%s", told)


def incompatible(reason: str) -> ConfigError:
    """The error for a ModelScope that cannot be used, for this reason."""
    try:
        version = importlib.metadata.version("modelscope")
    except importlib.metadata.PackageNotFoundError:
        version = "of unknown version"
    return ConfigError(
        f"modelscope_swinpan cannot be used with ModelScope {version}: {reason}. It is known to work with "
        f"{OLDEST} to {NEWEST}. Install one of these (pip install 'modelscope[framework]>={OLDEST},<={NEWEST}') or a "
        "newer modelscope_swinpan."
    )


AST_INDEX = Internal(
    "modelscope.utils.import_utils:LazyImportModule.get_ast_index",
    "gets our types: a model's type that is not in it is taken for one of transformers, other types are warned of",
    since="1.23",
)
INDEX_KEY = Internal("modelscope.utils.ast_utils:INDEX_KEY", "the index's key of the entries")
MODULE_KEY = Internal("modelscope.utils.ast_utils:MODULE_KEY", "an entry's key of the module")
CONFIG_FROM_FILE = Internal(
    "modelscope.utils.config:Config.from_file", "wrapped: drops the R50 model's pai-easycv, reads no pipe and no device"
)
MASKS_TO_IMAGE = tuple(
    Internal(f"modelscope.utils.cv.image_utils:{kind}_seg_masks_to_image", "code replaced: upstream's needs mmdet")
    for kind in ("panoptic", "semantic")
)
BUILD_PIPELINE = Internal(
    "modelscope.pipelines.builder:pipeline", "code replaced: our models are found as swinpan finds them"
)
FROM_PRETRAINED = Internal(
    "modelscope.models:Model.from_pretrained", "wrapped: a complete copy is used where the hub cannot be reached"
)
HUB_PATH = Internal(
    "modelscope.trainers.builder:is_official_hub_path", "wrapped: our trainer finds models as swinpan finds them"
)
CREATE_PIPELINE = Internal(
    "modelscope.server.core.event_handlers:create_pipeline", "wrapped: a model may be a directory"
)
START_HANDLER = Internal(
    "modelscope.server.core.event_handlers:start_app_handler", "wrapped: /call is answered by ours"
)

_CONFIG = Internal("modelscope.utils.config:Config", "reads configuration.json")
_LOGGER = Internal("modelscope.utils.logger:get_logger", "training logs where ModelScope does")
_PIPELINE = Internal("modelscope.pipelines:pipeline", "builds our pipeline")
_HUB_API = Internal("modelscope.hub.api:HubApi", "makes a repository and uploads to it; lists a model's files")
_HUB_CONFIG = Internal("modelscope_hub.config:HubConfig", "tells the hub's address and the folder of models", "1.38")
_TASKS = Internal("modelscope.utils.constant:Tasks", "the name of the task")
_SNAPSHOT = Internal("modelscope.hub.snapshot_download:snapshot_download", "fetches a model, or finds the copy on disk")

MODEL = Part(
    module="model",
    after="modelscope.models",
    registration=Registration(
        Internal("modelscope.models.builder:MODELS", "our model is registered over upstream's"),
        "image-segmentation",
        ("swinL-panoptic-segmentation", R50_MODEL),
        Internal(
            "modelscope.models.cv.image_panoptic_segmentation.panseg_model:SwinLPanopticSegmentation",
            "is imported first and replaced",
        ),
    ),
    needs=(
        Internal("modelscope.models:TorchModel", "base class of our model"),
        FROM_PRETRAINED,
        Internal("modelscope.models:TorchModel.save_pretrained", "overridden: upstream's copies the old weights along"),
        _CONFIG,
        Internal("modelscope.utils.device:verify_device", "says which names of devices there are"),
        Internal(
            "modelscope.utils.plugins:filter_plugin_in_whitelist",
            "ModelScope's own gate: no plugin or code of a model directory without trust_remote_code",
            since="1.37",
        ),
    ),
)
PIPELINE = Part(
    module="pipeline",
    after="modelscope.pipelines",
    registration=Registration(
        Internal("modelscope.pipelines.builder:PIPELINES", "our pipeline is registered over upstream's"),
        "image-segmentation",
        PIPELINE_TYPES,
        Internal(
            "modelscope.pipelines.cv.image_panoptic_segmentation_pipeline:ImagePanopticSegmentationPipeline",
            "is imported first and replaced",
        ),
    ),
    needs=(
        _PIPELINE,
        Internal("modelscope.pipelines:Pipeline", "base class of our pipeline"),
        Internal("modelscope.pipelines:Pipeline.initiate_single_model", "overridden: any directory makes our model"),
        Internal("modelscope.pipelines:Pipeline.__call__", "extended: tuples, generators and datasets of any kind"),
        Internal("modelscope.pipelines:Pipeline._get_framework", "overridden: always torch"),
        Internal("modelscope.pipelines:Pipeline._sanitize_parameters", "overridden: sorts the options of a call"),
        Internal("modelscope.pipelines:Pipeline._process_single", "overridden: one image is a batch of one"),
        Internal("modelscope.pipelines:Pipeline._process_batch", "overridden: checks batch_size"),
        Internal("modelscope.pipelines:Pipeline._batch", "overridden: images of a batch differ in size"),
        Internal("modelscope.utils.constant:Frameworks", "the name of torch"),
        _TASKS,
    ),
)
TRAINER = Part(
    module="trainer",
    after="modelscope.trainers",
    registration=Registration(
        Internal("modelscope.trainers.builder:TRAINERS", "our trainer is registered; upstream has none"),
        "default",
        ("image-panoptic-segmentation",),
    ),
    needs=(
        _CONFIG,
        _LOGGER,
        HUB_PATH,
        Internal("modelscope.trainers.base:BaseTrainer", "base class of our trainer"),
        Internal("modelscope.utils.device:create_device", "makes a torch.device of a name"),
    ),
)
METRIC = Part(
    module="metric",
    after="modelscope.metrics",
    registration=Registration(
        Internal("modelscope.metrics.builder:METRICS", "our metric is registered; upstream has none"),
        "default",
        ("image-panoptic-segmentation-metric",),
    ),
    needs=(Internal("modelscope.metrics.base:Metric", "base class of our metric"),),
)
PARTS = (
    METRIC,
    MODEL,
    PIPELINE,
    # Without it the server would open any file or address that a request names.
    Part(
        module="server",
        after="modelscope.server.core.event_handlers",
        vital=True,
        needs=(
            CREATE_PIPELINE,
            START_HANDLER,
            _CONFIG,
            _PIPELINE,
            Internal("modelscope.pipelines:Pipeline.prepare_model", "moves a served model to its device"),
        ),
    ),
    TRAINER,
    Part(module="model_ids", after="modelscope.pipelines.builder", needs=(BUILD_PIPELINE, _TASKS)),
    Part(module="configuration_file", after="modelscope.utils.config", needs=(CONFIG_FROM_FILE,)),
    Part(module="masks_to_image", after="modelscope.utils.cv.image_utils", needs=MASKS_TO_IMAGE),
    Part(module="train_options", needs=(_CONFIG, _LOGGER)),
    Part(module="hub", needs=(_SNAPSHOT, _LOGGER, _HUB_API, _HUB_CONFIG)),
    Part(module="upload", needs=(_HUB_API,)),
    Part(module="row_inputs", needs=(Internal("modelscope.msdatasets:MsDataset", "opens a dataset of the hub"),)),
    Part(
        module="command",
        needs=(
            Internal(
                "modelscope_hub.cli.main:_PLUGIN_GROUP", "the entry-point group that setup.py names", since="1.38"
            ),
            Internal("modelscope_hub.cli.base:CLICommand", "base class of our sub-command", since="1.38"),
        ),
    ),
)

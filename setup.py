"""Packaging. Guarded, because the repository root is also a model directory, whose files must do nothing on import."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent

REQUIRED = [
    "addict>=2.4",
    "defusedxml>=0.7.1",
    "filelock>=3.12",
    "jinja2>=3.1",
    "matplotlib>=3.9",  # the model card's snippet imports modelscope.utils.cv.image_utils, which needs it
    "modelscope[framework]>=1.38",
    "modelscope-hub>=0.5",
    "numpy>=2.0",
    "opencv-python>=4.11.0.86",
    "pillow>=11.3",
    "psutil>=5.9",
    "pyyaml>=6.0.1",
    "requests>=2.32.3",
    "rich>=13",
    "safetensors>=0.4.3",
    "scipy>=1.13",
    "timm>=1.0.3",
    "torch>=2.9",
    "torchvision>=0.24",
    "typer>=0.19",
    "urllib3>=2.6",  # from then on a compressed body is unpacked piece by piece
    "wrapt>=2",
]
DOCS = [
    "myst-nb>=1.3",
    "myst-parser>=4",
    "pydata-sphinx-theme>=0.16",
    "sphinx>=8.1",
]
EXPORT = [
    "onnx",
    "onnxruntime",
    "onnxscript",
    "openvino",
]
EVAL = ["hotcoco>=1.3"]
HEIF = ["pillow-heif>=1.1"]
RAY = ["ray[data]>=2.60"]
SERVE = [
    "fastapi>=0.115.2",
    "starlette>=0.40",
    "uvicorn>=0.30",
]
RAY_SERVE = [*SERVE, "ray[serve]>=2.60"]
STUDIO = ["gradio>=6.15"]
SUPERVISION = ["supervision>=0.28"]
TRAIN = [*EVAL, "tensorboard>=2.18"]
DEV = [
    *DOCS,
    *EXPORT,
    *HEIF,
    *RAY,
    *RAY_SERVE,
    *STUDIO,
    *SUPERVISION,
    *TRAIN,
    "build",
    "hypothesis",
    "import-linter",
    "ipykernel",
    "markdown-it-py>=3",  # the tests of the documents read them with it
    "mutmut>=3.8",
    "mypy",
    "nbclient",  # runs the notebooks of docs
    "pycocotools",  # what hotcoco is checked against
    "pytest",
    "pytest-timeout",
    "pytest-xdist",
    "ruff",
    "selenium>=4.20",  # drives Debian's Chromium, which the tests of the page need
    "setuptools>=70",  # the test of the wheel builds without isolation
    "transformers>=5",
    "twine",  # make release
    "types-psutil",
    "types-requests",
]


def version() -> str:
    """The package's ``__version__``, read as text: the packages that an import needs may not be installed yet."""
    source = (HERE / "modelscope_swinpan" / "__init__.py").read_text(encoding="utf-8")
    return re.search(r'^__version__ = "(.+)"$', source, re.MULTILINE)[1]


if __name__ == "__main__":
    setup(
        name="modelscope_swinpan",
        version=version(),
        description="Swin + Mask2Former panoptic segmentation for ModelScope's pipelines, without mmcv or mmdet",
        long_description=(HERE / "README.md").read_text(encoding="utf-8"),
        long_description_content_type="text/markdown",
        license="Apache-2.0",
        python_requires=">=3.10",
        package_dir={"": "."},  # an editable install is then a line in a .pth file, which setuptools does not warn of
        packages=find_packages(include=["modelscope_swinpan", "modelscope_swinpan.*"]),
        package_data={
            "modelscope_swinpan": [
                "py.typed",
                "coco_panoptic.json",
                "card/*.md",
                "cli/*.html",
                "embedded/*",
                "evaluation/*.html",
                "studio/*.css",
                "studio/*.js",
                "studio/*.json",
            ]
        },
        install_requires=REQUIRED,
        extras_require={
            "docs": DOCS,
            "eval": EVAL,
            "export": EXPORT,
            "heif": HEIF,
            "ray": RAY,
            "ray-serve": RAY_SERVE,
            "serve": SERVE,
            "studio": STUDIO,
            "supervision": SUPERVISION,
            "train": TRAIN,
            "dev": DEV,
        },
        entry_points={
            "console_scripts": ["swinpan=modelscope_swinpan.cli:main"],
            "modelscope_hub.cli_plugins": ["swinpan=modelscope_swinpan.plugin.command:SwinpanCommand"],
        },
    )

"""Takes the picture of Label Studio that is in the documents: ``python -m tests.label_studio.picture DIR FILE``.

``DIR`` is Label Studio's environment.
"""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

from modelscope_swinpan import PanopticPredictor, load_model, open_inputs, run_images
from modelscope_swinpan.coco.writer import write_dataset
from modelscope_swinpan.scenes.dataset import SceneDataset
from modelscope_swinpan.studio import EMBEDDED
from tests.label_studio.server import label_studio
from tests.studio.chromium import chromium

SCENES = range(1, 9)


def main(environment: Path, path: Path) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        scenes = SceneDataset(SCENES)
        write_dataset(folder, (scenes[index] for index in range(len(scenes))), scenes.categories)
        photos, found = folder / "images", folder / "found"
        run_images(PanopticPredictor(load_model(EMBEDDED)), open_inputs(str(photos)), found, sinks=["labelstudio"])
        (folder / "server").mkdir()
        with label_studio(environment, folder / "server") as server, chromium(folder / "browser") as browser:
            project = server.project(found, photos)
            server.show(browser, project, server.tasks(project)[0])
            browser.until(lambda: browser.run("return document.getAnimations().length") == 0)
            screen = Image.open(io.BytesIO(browser.driver.get_screenshot_as_png()))
    screen.convert("RGB").quantize(256, kmeans=2).save(path, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

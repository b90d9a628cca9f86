# A server of segmentation: `modelscope server` with the plugin, on port 8000. docs/serving.md tells what it answers.
#   docker build -t swinpan .                          for CPUs
#   docker build -t swinpan --build-arg TORCH=cuda .   for NVIDIA's GPUs; run it with --gpus all
#   docker run -p 8000:8000 -v swinpan-models:/home/swinpan/.cache swinpan
# No Docker engine has run this file yet. docker/install, which does the work, is run by the tests in an empty environment.
ARG PYTHON=3.12
FROM python:${PYTHON}-slim

ARG TORCH=cpu
# OpenCV's libraries. For a GPU also a C compiler, with which Triton builds its launcher at the first image.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgl1 libglib2.0-0 $([ "$TORCH" = cpu ] || echo gcc libc6-dev) \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 swinpan

COPY . /source
RUN PIP_NO_CACHE_DIR=1 /source/docker/install "$TORCH" /source && rm -rf /source

USER swinpan
WORKDIR /home/swinpan
# A volume for this folder keeps the downloaded model.
RUN mkdir -p /home/swinpan/.cache
# A hub id, a directory that is mounted, or embedded.
ENV MODEL=damo/cv_swinL_panoptic-segmentation_cocopan
EXPOSE 8000
# The first start downloads the model.
HEALTHCHECK --start-period=30m --interval=30s --timeout=5s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=4)"]
CMD ["sh", "-c", "exec modelscope server --model_id \"$MODEL\" --revision master --host 0.0.0.0 --port 8000"]

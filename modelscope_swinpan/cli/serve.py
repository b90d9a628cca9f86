"""``swinpan serve``: a server for programs."""

from functools import partial
from typing import Annotated

from ..extras import require
from .declare import option
from .options import EngineOptions, ModelOptions, TaskOption


def serve(
    how: ModelOptions,
    where: EngineOptions,
    task: TaskOption = None,
    host: Annotated[str, option("ADDRESS", "Address to listen at; 0.0.0.0 for other machines.")] = "127.0.0.1",
    port: Annotated[int, option("N", "Port to listen at; 0 is any free one.", min=0, max=65535)] = 8000,
) -> None:
    """Serve POST /call as modelscope server does, until interrupted.

    With --engine ray, replicas on a Ray cluster answer: as many as --workers says, by load where it is a range. If one
    dies, another answers its requests.
    """
    require("A server", "starlette", "uvicorn", extra="serve")

    from ..serving.listening import listen
    from ..serving.server import serve as run

    with listen(host, port) as listener:
        run(where.engine, where.job(partial(how.anywhere().load, task=task), how), listener)

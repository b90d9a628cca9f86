"""What is asked of Ray Serve, and what becomes of requests whose replica dies; test_serve.py kills one."""

import asyncio
import logging
import sys
from functools import partial
from types import SimpleNamespace

import pytest

from modelscope_swinpan.errors import CheckpointError, ConfigError
from modelscope_swinpan.runs import ray_cluster
from modelscope_swinpan.serving.ray_replicas import Answers, RayReplicas, Replica
from modelscope_swinpan.serving.segmenter import Segmenter, UnexpectedError
from tests.runs.fakes import BrightPredictor

from .calls import ask, call


def bright_predictor(device, batch_size=1):
    return BrightPredictor(batch_size=batch_size)


class Handle:
    """In the place of Ray's: all calls are in one replica, which dies if ``deadly`` says so of those it has."""

    def __init__(self, deadly):
        self.deadly, self.there, self.tried = deadly, [], []

    async def remote(self, one):
        from ray.exceptions import RayActorError

        self.there.append(one.name)
        self.tried.append(one.name)
        await asyncio.sleep(0.01)
        dead = self.deadly(self)
        await asyncio.sleep(0)  # all that are there die together
        self.there.remove(one.name)
        if dead:
            raise RayActorError
        return Segmenter(BrightPredictor())([one])[0]


def test_a_request_whose_replica_dies_goes_to_another():
    handle = Handle(lambda handle: len(handle.tried) == 4)
    assert all(isinstance(answer, bytes) for answer in ask(Answers(handle), map(call, range(4))))
    assert len(handle.tried) == 8


def test_of_requests_that_died_together_only_the_one_at_fault_is_given_up():
    handle = Handle(lambda handle: "2.png" in handle.there)
    answers = ask(Answers(handle), map(call, range(5)))
    assert [isinstance(answer, bytes) for answer in answers] == [number != 2 for number in range(5)]
    assert isinstance(answers[2], UnexpectedError)
    assert str(answers[2]) == "3 worker processes died over this image."
    assert handle.tried.count("2.png") == 3


class Serve:
    """In the place of Ray Serve: what it was asked for."""

    def __init__(self):
        self.asked = {}

    def deployment(self, kind, **options):
        self.asked = options
        return type("", (), {"bind": staticmethod(lambda *given: kind)})

    def run(self, application, **options):
        assert application is Replica
        return "handle"


@pytest.mark.parametrize(
    ("options", "batch_size", "asked"),
    [
        ({}, 1, {"num_replicas": 1, "max_ongoing_requests": 1}),
        ({"workers": (2, 2), "gpus": 0.5}, 8, {"num_replicas": 2, "max_ongoing_requests": 16}),
        (
            {"workers": (1, 4)},
            8,
            {"autoscaling_config": {"min_replicas": 1, "max_replicas": 4, "target_ongoing_requests": 8}},
        ),
    ],
)
def test_what_replicas_are_asked_for(options, batch_size, asked):
    serve = Serve()
    replicas = RayReplicas(load=bright_predictor, **options)
    assert replicas._deploy(serve, "name", batch_size) == "handle"
    assert asked.items() <= serve.asked.items()
    assert ("num_replicas" in serve.asked) != ("autoscaling_config" in serve.asked)
    assert serve.asked["ray_actor_options"] == {"num_cpus": 1, "num_gpus": options.get("gpus", 0)}


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (
            "It failed to start 3 times.\n  File x\na.b.errors.CheckpointError: no such file",
            "CheckpointError: no such file",
        ),
        ("", "Ray does not say why"),
    ],
)
def test_replicas_that_do_not_start(told, reason):
    class Failing(Serve):
        def run(self, application, **options):
            raise RuntimeError("Failed to update the deployments")

        def status(self):
            deployment = SimpleNamespace(message=told)
            return SimpleNamespace(applications={"name": SimpleNamespace(deployments={"model": deployment})})

    with pytest.raises(ConfigError, match=f"^The replicas did not start: {reason}$"):
        RayReplicas(load=bright_predictor)._deploy(Failing(), "name", 1)


def test_a_replica_answers_in_batches():
    replica = Replica(partial(bright_predictor, None, batch_size=4))
    answers = ask(replica, map(call, range(6)))
    assert answers == Segmenter(BrightPredictor())([call(number) for number in range(6)])


def test_a_model_that_cannot_be_loaded():
    def fails(device):
        raise CheckpointError("no such model")

    with pytest.raises(CheckpointError, match="no such model"), RayReplicas(load=fails).running():
        pass


def test_no_room_for_all(monkeypatch):
    import ray

    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 2.0})
    with pytest.raises(ConfigError, match="3 workers need 3 CPUs, but Ray has 2 on this machine"):
        ray_cluster.check_room(1, 0, workers=3)
    ray_cluster.check_room(1, 0, workers=2)


@pytest.mark.parametrize(("missing", "named"), [("ray", "needs ray:"), ("ray.serve", r"needs ray\.serve:")])
def test_not_installed(monkeypatch, missing, named):
    level = logging.getLogger("ray.serve").level
    monkeypatch.setitem(sys.modules, missing, None)
    with (
        pytest.raises(ConfigError, match=rf"{named}.*pip install 'modelscope_swinpan\[ray-serve\]'"),
        RayReplicas(load=bright_predictor).running(),
    ):
        pass
    assert logging.getLogger("ray.serve").level == level

"""An export behind HTTP, by Ray Serve: `serve run serving.app:build dir=DIR`.

POST / takes {"texts": [...]} and gives {"predictions": [...]}, in order; requests that come together are answered
together. GET /health says what answers. Ray's metrics port has what `METRICS` lists. A Ray that is started here listens
on 127.0.0.1, but for a port of each replica that Ray Serve 2.60 binds to every interface and that asks for Ray's token.
"""

import asyncio
import logging
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import click
import ray
import torch
from ray import serve
from ray._private import ray_constants
from ray.serve import metrics
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse

from search_spaces.errors import UsageError, check
from serving.answers import Prediction
from serving.bundle import read_bundle
from serving.card_energy import CardEnergy
from serving.predictor import Counts, Predictor
from serving.requests import BAD_TEXT, FAILED, OK, OVERDUE, Refused, Settings, answer_of, body_of, texts_in
from trainables import ray_variables
from trainables.device import accelerator
from trainables.energy.open_meter import meter_of
from trainables.energy.sources import SOURCES

# Prometheus sees ray_NAME, counters as ray_NAME_total. `card_energy_j` is of a card, the rest of a replica.
METRICS = {
    "jouletune_serve_requests": "requests by status",
    "jouletune_serve_texts": "texts that were answered",
    "jouletune_serve_tokens": "their tokens, special ones included",
    "jouletune_serve_truncated_texts": "those that lost text to the limit",
    "jouletune_serve_batch_texts": "texts that were answered together",
    "jouletune_serve_card_energy_j": "J that a card has used since it was first read, whatever for: once per card",
}
_BATCHES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]

_log = logging.getLogger("serving")


class Answers:
    """One replica."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        device = accelerator() if settings.gpus != 0 else torch.device("cpu")
        meter = meter_of(device) if device.type == "cuda" else None  # before the model: see there
        self.predictor = Predictor.load(
            # No processes that tokenise: a request's texts are few, and replicas share the machine.
            settings.dir,
            device=str(device),
            backend=settings.backend,
            threads=settings.threads,
            processes=0,
        )
        self._kind = "label" if self.predictor.bundle.labels else "answer"
        self._counted, self._broken = Counts(), ""
        names = [name for name in METRICS if "batch" not in name and "card" not in name]
        tags = {"jouletune_serve_requests": ("status",)}
        self._metrics = {name: metrics.Counter(name, METRICS[name], tags.get(name, ())) for name in names}
        batch = "jouletune_serve_batch_texts"
        self._batch_texts = metrics.Histogram(batch, METRICS[batch], _BATCHES)
        if meter is not None and SOURCES[meter.source].measured:
            _count_energy(meter)
        self._answer = serve.batch(
            max_batch_size=settings.requests,
            batch_wait_timeout_s=settings.wait_ms / 1e3,
            max_concurrent_batches=2,  # one is tokenised while the other is computed
        )(self._together)

    async def __call__(self, request: Request) -> JSONResponse:
        try:
            status, content = await self._answered(request)
        except Refused as refused:
            status, content = refused.status, {"error": str(refused)}
        except ClientDisconnect:  # nobody reads what is returned
            status, content = 499, {"error": "the client went away"}
        self._add("jouletune_serve_requests", 1, {"status": str(status)})
        return JSONResponse(content, status)

    async def _answered(self, request: Request) -> tuple[int, dict[str, Any]]:
        if (request.url.path, request.method) == ("/health", "GET"):
            return OK, self._told()
        if request.url.path != "/":
            raise Refused(404, "what is here: POST / and GET /health")
        if request.method != "POST":
            raise Refused(405, "texts are sent by POST")
        body = await body_of(request.stream(), request.headers.get("content-length"), self.settings)
        texts = texts_in(body, self.predictor.bundle.text_columns, self.settings)
        try:  # one by one: what one request sends must not spoil another's answers
            checked = [self.predictor.checked(text, number) for number, text in enumerate(texts)]
        except UsageError as error:
            raise Refused(BAD_TEXT, str(error)) from None
        try:
            async with asyncio.timeout(self.settings.timeout_s):
                predictions = await self._answer(checked)
        except TimeoutError:
            raise Refused(OVERDUE, f"no answer within {self.settings.timeout_s:g} s; send fewer texts") from None
        except Exception as error:
            _log.exception("texts could not be answered")
            raise Refused(FAILED, "the texts could not be answered; the log says why") from error
        return OK, answer_of(predictions, self._kind)

    async def _together(self, requests: list[list[tuple[str, ...]]]) -> list[list[Prediction]]:
        texts = [text for request in requests for text in request]
        try:
            found = iter(await asyncio.to_thread(self.predictor.predict, texts))
        except Exception as error:
            self._broken = repr(error)
            raise
        self._batch_texts.observe(len(texts))
        before, now = self._counted, self.predictor.counts
        self._counted = now
        self._add("jouletune_serve_texts", len(texts))
        self._add("jouletune_serve_tokens", now.tokens - before.tokens)
        self._add("jouletune_serve_truncated_texts", now.cut - before.cut)
        return [[next(found) for _ in request] for request in requests]

    def check_health(self) -> None:
        """Ray Serve asks every ten seconds, and puts another process in the place of one that fails."""
        if self._broken:
            raise RuntimeError(self._broken)

    def _told(self) -> dict[str, Any]:
        bundle = self.predictor.bundle
        return {
            "status": "ok",
            "trial": bundle.trial,
            "device": str(self.predictor.device),
            "texts": list(bundle.text_columns),
            "labels": list(bundle.labels),
            "differences": list(self.predictor.differences),
        }

    def _add(self, name: str, value: float, tags: dict[str, str] | None = None) -> None:
        if value > 0:
            self._metrics[name].inc(value, tags)


def build(arguments: Mapping[str, Any]) -> serve.Application:
    """What `serve run` starts. `arguments`: of `Settings`."""
    try:
        settings = Settings.of(arguments)
        read_bundle(settings.dir)
        check(
            ray_variables.asks_for_token(),
            "a replica must ask for Ray's token: one of its ports is open to every machine and runs what it is sent",
            f"{ray_variables.AUTH_MODE}={os.environ.get(ray_variables.AUTH_MODE)}",
            "unset it",
        )
    except UsageError as error:
        raise click.UsageError(str(error)) from None  # one line, exit code 2
    if not (ray.is_initialized() or ray_variables.ADDRESS in os.environ or "--address" in " ".join(sys.argv)):
        _start_ray(settings.metrics_port)
    gpus = settings.gpus if settings.gpus is not None else float(accelerator().type == "cuda")
    settings = replace(settings, dir=settings.dir.resolve(), gpus=gpus)
    deployment = serve.deployment(
        name="jouletune",
        num_replicas=settings.replicas,
        ray_actor_options={"num_cpus": settings.threads, "num_gpus": gpus},
        max_ongoing_requests=4 * settings.requests,  # two batches are computed, others gather
        max_queued_requests=settings.queued,
    )(Answers)
    return deployment.bind(settings)


def _start_ray(metrics_port: int | None) -> None:
    """As `serve run` would, but not to open all of its ports but two to every machine (docs/security.md), and without
    the dashboard, which nothing here needs."""
    os.environ[ray_variables.LOOPBACK_MODE] = "0"
    ray_constants.ENABLE_RAY_CLUSTER = False  # this process has read the variable already
    ray.init("local", namespace="serve", include_dashboard=False, _metrics_export_port=metrics_port)


def _count_energy(meter: Any) -> None:
    name = "jouletune_serve_card_energy_j"
    # Not of ray.serve.metrics, which tells replicas apart.
    counter = ray.util.metrics.Counter(name, METRICS[name], ("card",))
    card = str(meter.device.uuid)
    cluster = ray.get_runtime_context().gcs_address
    CardEnergy(meter, f"{card}-{cluster}", lambda joules: counter.inc(joules, {"card": card})).start()

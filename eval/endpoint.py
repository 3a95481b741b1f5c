"""Chat models at a server that speaks the OpenAI protocol: vLLM, llama.cpp, other local servers, or OpenAI's own."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import cv2
import numpy as np

from data_synth.family import Pixels
from vlmdiff.errors import ModelError, UsageError
from vlmdiff.findings import ModelInfo
from vlmdiff.models.chat import Reply, spoken, word
from vlmdiff.models.lines import normalised

LONGEST = 512
"""New tokens of a reply at most: some models think first."""
RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
"""HTTP statuses that may pass."""
FARTHEST = 30.0
"""Log-odds are cut here: some servers write -9999 for what is all but impossible."""


class _Refused(ModelError):
    """The server understood the request and does not want it."""


class _Passing(Exception):
    """A failure that may be gone the next time."""


class _NoRedirects(HTTPRedirectHandler):
    """A redirected request would take the key to another host."""

    def redirect_request(self, *_: Any) -> None:
        return None


@dataclass
class Endpoint:
    """A `ChatModel` behind an address; the likeliest answer is asked for, the server may still vary."""

    url: str
    """With or without /v1 and /chat/completions."""
    model: str
    key: str = field(default="", repr=False)
    timeout: float = 120.0
    """Seconds for one answer."""
    tries: int = 4
    """Of one request: a server that is busy, fails or is slow is asked again."""
    pause: float = 1.0
    """Seconds before the second try; twice as long before each further one."""
    tokens_used: int = field(default=0, init=False)
    _gives_odds: bool = field(default=True, init=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            raise UsageError(f"endpoint {self.url!r}: expected an address such as http://127.0.0.1:8000/v1")
        path = parts.path.rstrip("/").removesuffix("/chat/completions") or "/v1"
        self.url = f"{parts.scheme}://{parts.netloc}{path}/chat/completions"

    @property
    def info(self) -> ModelInfo:
        """The weights are unknown here: the server may change them under the same name."""
        return ModelInfo(name=f"{self.model} at {self.url}", adapter=None, weights_sha256="unknown")

    def ask(self, prompt: str, images: Sequence[Pixels] = ()) -> Reply:
        answer = self._chat(prompt, images, {"max_tokens": LONGEST})
        return Reply(_text(answer), _tokens(answer))

    def yes(self, prompt: str, images: Sequence[Pixels] = ()) -> float | None:
        if self._gives_odds:
            try:
                answer = self._chat(prompt, images, {"max_tokens": 8, "logprobs": True, "top_logprobs": 20})
            except _Refused as error:
                if "logprob" not in str(error):
                    raise
                self._gives_odds = False
            else:
                odds = log_odds(answer)
                said = word(_text(answer)) if odds is None else odds
                if said is not None or answer["choices"][0].get("finish_reason") != "length":
                    return said
        return word(self.ask(prompt, images).text)

    def _chat(self, prompt: str, images: Sequence[Pixels], options: Mapping[str, Any]) -> dict[str, Any]:
        """One answered request, its tokens counted."""
        content = [{"type": "image_url", "image_url": {"url": _data_url(image)}} for image in images]
        asked = {
            "model": self.model,
            "messages": [{"role": "user", "content": [*content, {"type": "text", "text": prompt}]}],
            "temperature": 0,
            **options,
        }
        answer = self._patiently(json.dumps(asked).encode())
        self.tokens_used += _tokens(answer)
        return answer

    def _patiently(self, body: bytes) -> dict[str, Any]:
        """The answer; a failure that may pass is tried again."""
        for attempt in range(self.tries):
            if attempt:
                time.sleep(self.pause * 2 ** (attempt - 1))
            try:
                return self._post(body)
            except _Passing as error:
                failure = error
        raise ModelError(f"{self.url} {failure}, {self.tries} times; is the server up, and not overloaded?")

    def _post(self, body: bytes) -> dict[str, Any]:
        headers = {"Content-Type": "application/json", "User-Agent": "vlmdiff"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        request = Request(self.url, body, headers)
        try:
            with build_opener(_NoRedirects).open(request, timeout=self.timeout) as response:
                raw = response.read()
        except HTTPError as error:
            with error:
                text = error.read(2000).decode(errors="replace").strip()
            told = f"answered {error.code}: {text[:500] or error.reason}"
            if error.code in RETRIED:
                raise _Passing(told) from error
            raise _Refused(f"{self.url} {told}; check --model, --endpoint and OPENAI_API_KEY") from error
        except (OSError, HTTPException) as error:  # URLError and time-outs are OSErrors
            raise _Passing(f"cannot be reached ({getattr(error, 'reason', None) or error})") from error
        return _checked(raw, self.url)


def _checked(raw: bytes, url: str) -> dict[str, Any]:
    """A chat completion with a choice in it.

    Raises:
        ModelError: it is something else.
    """
    try:
        answer: dict[str, Any] = json.loads(raw)
        content = answer["choices"][0]["message"].get("content")
        if content is not None and not isinstance(content, str):
            raise TypeError("content is not text")
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        start = raw[:200].decode(errors="replace")
        raise ModelError(f"{url} answered what is no chat completion: {start!r}; is it an OpenAI endpoint?") from error
    return answer


def _text(answer: Mapping[str, Any]) -> str:
    return spoken(answer["choices"][0]["message"].get("content") or "")


def _tokens(answer: Mapping[str, Any]) -> int:
    usage = answer.get("usage")
    count = usage.get("total_tokens") if isinstance(usage, dict) else None
    return count if isinstance(count, int) else 0


def log_odds(answer: Mapping[str, Any]) -> float | None:
    """Log-odds of yes against no, at the first token that is one of them; None where no probabilities are given.

    A word that is not among the listed tokens is as likely as the least likely of them: the odds are a bound then.
    """
    try:
        tokens = answer["choices"][0]["logprobs"]["content"]
        listed = next(one["top_logprobs"] for one in tokens if normalised(one["token"]) in ("yes", "no"))
        top = [(normalised(one["token"]), float(one["logprob"])) for one in listed]
        least = min(value for _, value in top)
    except (LookupError, TypeError, ValueError, StopIteration):
        return None
    yes, no = (
        np.logaddexp.reduce([value for token, value in top if token == said] or [least]) for said in ("yes", "no")
    )
    return float(np.clip(yes - no, -FARTHEST, FARTHEST))


def _data_url(image: Pixels) -> str:
    done, png = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    assert done
    return "data:image/png;base64," + base64.b64encode(png.tobytes()).decode()

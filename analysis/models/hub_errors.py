"""Errors of the Hugging Face hub, the network and the disk, as messages that say what to do."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import httpx2
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from analysis.errors import ModelError


class NotOnHub(ModelError):
    """The hub has no such model, or none that this machine can reach: perhaps no model on the hub was meant."""


@contextmanager
def as_model_errors(repository: str, revision: str | None, what: Literal["looked up", "downloaded"]) -> Iterator[None]:
    """Raise errors of the hub, the network and the disk as ModelError. what: was to be done with the model."""
    name = f"'{repository}'"
    kept = " What has been downloaded so far is kept." if what == "downloaded" else ""
    try:
        yield
    except GatedRepoError as error:
        raise ModelError(
            f"{name} is gated: its owner asks for an agreement. Accept it on the model's page, then set HF_TOKEN to a "
            "token of your account."
        ) from error
    except RevisionNotFoundError as error:
        raise ModelError(f"{name} on the hub has no revision '{revision}'. Check its spelling.") from error
    except RepositoryNotFoundError as error:
        raise NotOnHub(
            f"The hub has no public model {name}. Check the spelling; if the model is private, set HF_TOKEN."
        ) from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        advice = "Set HF_TOKEN to a token with access to it." if status in (401, 403) else "Try again later."
        refused = "download" if what == "downloaded" else "look-up"
        raise ModelError(f"The hub refused the {refused} of {name} (status {status}). {advice}") from error
    except OfflineModeIsEnabled as error:
        raise NotOnHub(
            f"{name} cannot be {what}: the variable HF_HUB_OFFLINE keeps this server offline. Start it without."
        ) from error
    except (httpx2.HTTPError, LocalEntryNotFoundError) as error:
        raise NotOnHub(
            f"The hub cannot be reached, so {name} cannot be {what}. Check this machine's internet connection.{kept}"
        ) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ModelError(
                f"The disk is full: {name} does not fit. What has been downloaded so far is kept; free some space and "
                "download it again."
            ) from error
        raise ModelError(f"{name} could not be {what}: {error}.{kept}") from error

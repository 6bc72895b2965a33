"""Services and comparisons for tests of A minus B."""

from pathlib import Path

from analysis.comparison.pair import Comparison
from analysis.models.language_model import LanguageModel
from analysis.trace import Prompt
from dashboard.services import AppServices
from tests.analysis.comparison.pairs import ONE, OTHER
from tests.tiny import make_services

A, B = Prompt("tiny", ONE), Prompt("tiny", OTHER)


def with_models(directory: Path, tiny: LanguageModel, other: LanguageModel) -> tuple[AppServices, Comparison]:
    """Services of two models, and the same text in both."""
    services = make_services(directory, {"tiny": tiny, "other": other})
    return services, services.comparison(A, Prompt("other", ONE))

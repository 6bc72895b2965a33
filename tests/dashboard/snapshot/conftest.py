"""Snapshots of a tiny model, drawn by the panels' own callbacks."""

import pytest
from dash import Dash

from dashboard.app import create_app
from dashboard.panels import PANELS
from dashboard.services import AppServices
from dashboard.settings import Settings
from dashboard.snapshot.draw import Snapshots


@pytest.fixture
def snapshots(services: AppServices, tiny_layout: Dash) -> Snapshots:
    panels = [panel.register(Dash("snapshots"), services) for panel in PANELS]
    return Snapshots(services, panels, tiny_layout)


@pytest.fixture(scope="session")
def tiny_layout(tmp_path_factory: pytest.TempPathFactory, tiny_gpt2: object) -> object:
    """The page of a server that offers the tiny model."""
    settings = Settings(cache_dir=str(tmp_path_factory.mktemp("cache")))
    return create_app(settings, models={"tiny": tiny_gpt2}).layout  # type: ignore[dict-item]

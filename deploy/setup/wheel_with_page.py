"""The build backend: that of setuptools, which builds the page of web/ first where it can."""

from collections.abc import Mapping
from typing import Any

from page import PACKAGE, WEB, found_node, try_to_build
from setuptools import build_meta
from setuptools.build_meta import (
    build_editable,
    get_requires_for_build_editable,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]
_Settings = Mapping[str, Any] | None


def get_requires_for_build_wheel(config_settings: _Settings = None) -> list[str]:
    # A source distribution has the page, and not what it is built of.
    needs_package = WEB.exists() and found_node() is None
    return [
        *build_meta.get_requires_for_build_wheel(config_settings),
        *([PACKAGE] if needs_package else []),
    ]


get_requires_for_build_sdist = get_requires_for_build_wheel


def build_wheel(
    wheel_directory: str, config_settings: _Settings = None, metadata_directory: str | None = None
) -> str:
    try_to_build(may_install=False)
    return str(build_meta.build_wheel(wheel_directory, config_settings, metadata_directory))


def build_sdist(sdist_directory: str, config_settings: _Settings = None) -> str:
    try_to_build(may_install=False)
    return str(build_meta.build_sdist(sdist_directory, config_settings))

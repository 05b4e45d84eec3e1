"""The run folder: settings, environment, and files that are whole or not there."""

from __future__ import annotations

import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
import yaml
from transformers.trainer_utils import get_last_checkpoint

from models.extractor import Extractor
from training.arguments import ConfigError, TrainingConfig


def save_whole(extractor: Extractor, folder: Path) -> None:
    """Save into a folder beside, then rename: a reader never sees half a model."""
    aside = folder.with_name(folder.name + ".partial")
    shutil.rmtree(aside, ignore_errors=True)
    extractor.save_pretrained(aside)
    shutil.rmtree(folder, ignore_errors=True)
    aside.rename(folder)


def write_whole(path: Path, text: str) -> None:
    """Write a text file aside, then rename: a reader never sees half of it."""
    aside = path.with_name(path.name + ".partial")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)


def processor() -> str:
    """The processor's name, where the system tells it."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text(encoding="utf-8").splitlines() if told.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(filter(None, [*names, platform.processor()]), "CPU")


def environment() -> dict[str, Any]:
    """Versions and machine: what to know to get the same numbers again."""
    versions = {}
    for name in ("phodang", "torch", "transformers", "tokenizers", "accelerate", "datasets", "underthesea", "numpy"):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "processor": processor(),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "packages": versions,
    }


def prepare_run(settings: TrainingConfig, fingerprint: str, restart: bool) -> str | None:
    """Make the run folder ready. Returns the checkpoint to continue from, if any.

    Raises:
        ConfigError: the folder holds a run with other settings or other data.
    """
    run = settings.run
    written = {"settings": settings.to_dict(), "data": fingerprint}
    path = run / "config.yaml"
    if restart:
        shutil.rmtree(run, ignore_errors=True)
    if path.is_file():
        before: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(before, dict) or not isinstance(before.get("settings"), dict):
            raise ConfigError(f"{path}: damaged; replace the run with --restart")
        changed = [k for k, v in settings.to_dict().items() if before["settings"].get(k) != v]
        changed += ["data"] if before.get("data") != fingerprint else []
        if changed:
            raise ConfigError(
                f"{run}: holds a run with other settings ({', '.join(changed)}); "
                "name another folder with --set output=FOLDER, or replace it with --restart"
            )
    run.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(written, allow_unicode=True, sort_keys=False), encoding="utf-8")
    checkpoints = run / "checkpoints"
    return get_last_checkpoint(str(checkpoints)) if checkpoints.is_dir() else None

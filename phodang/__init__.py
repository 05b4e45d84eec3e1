"""PhoDang: who holds which role where, from Vietnamese news on Party building.

::

    from phodang import predict
    result = predict("Đồng chí Lê Thị Na, Bí thư Huyện ủy, chủ trì hội nghị.")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.prediction import Predictor, load, predict
    from models.results import Prediction

__version__ = "0.1.0"
__all__ = ["Prediction", "Predictor", "__version__", "load", "predict"]

_HOMES = {
    "predict": "models.prediction",
    "Predictor": "models.prediction",
    "load": "models.prediction",
    "Prediction": "models.results",
}


def __getattr__(name: str) -> Any:
    # Imported on first use, so that `import phodang` and `phodang --help` stay quick.
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'phodang' has no attribute {name!r}")

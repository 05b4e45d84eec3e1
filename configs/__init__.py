"""Configuration files of the package; `training.arguments` reads them."""

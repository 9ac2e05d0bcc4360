"""Imports every module of the installed package, and prints those that need a missing package."""

import importlib
import pkgutil

import kubepeers

for module in pkgutil.walk_packages(kubepeers.__path__, "kubepeers."):
    try:
        importlib.import_module(module.name)
    except ModuleNotFoundError as error:
        print(module.name, "needs", error.name.partition(".")[0])

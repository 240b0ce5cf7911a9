"""A project of dc for the measurements of this folder."""

import subprocess


def program(path, script):
    """An executable shell script."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def deploy(dc, root, definitions, settings="", environment=None):
    """Makes a project of apps by name, each with the text of its app.toml, and deploys it."""
    for name, definition in definitions.items():
        app = root / "apps" / "bench" / "bench" / name
        app.mkdir(parents=True)
        (app / "app.toml").write_text(definition)
    (root / "dc.toml").write_text(settings)
    subprocess.run([dc, "-C", root, "deploy"], check=True, capture_output=True, env=environment)
    return root

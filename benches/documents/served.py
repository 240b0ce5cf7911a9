"""Stages that do nothing, served by one program for many documents, as the peers' workers are."""

PROGRAM = """import json, sys
for line in sys.stdin:
    print(json.dumps({"task": json.loads(line)["task"], "output": None}), flush=True)
"""
STAGE = '[[stage]]\nname = "{}"\ncommand = ["python3", "nothing.py"]\nserve = true\n'


def make(project, stages, workers=None):
    """Makes a pipeline `a/b/p` with these stages in a project; the folder that it watches."""
    app = project / "apps/a/b/p"
    (app / "inbox").mkdir(parents=True)
    (project / "dc.toml").write_text("")
    head = '[pipeline]\nwatch = ["inbox"]\ncomplete = "rename"\n' + (f"workers = {workers}\n" if workers else "")
    (app / "app.toml").write_text(head + "".join(map(STAGE.format, stages)))
    (app / "nothing.py").write_text(PROGRAM)
    return app / "inbox"


def fill(folder, count):
    """Writes so many files, each with its own content."""
    for number in range(count):
        (folder / f"f{number}.txt").write_text(f"document {number}")

"""Checks with auditwheel that a wheel is for a platform."""

import json
import subprocess
import sys

wheel, platform = sys.argv[1:]
# Without this path, auditwheel would read the libraries of this machine, whose libc.so may be a
# linker script.
command = ("auditwheel", "show", "--json", "--ldpaths", "/nonexistent", wheel)
done = subprocess.run(command, stdout=subprocess.PIPE)
if done.returncode:
    sys.exit(f"{wheel}: auditwheel failed")
report = json.loads(done.stdout)
# auditwheel knows only Alpine's name of musl. The loader of musl also accepts libc.so for itself.
libc = ["libc.so"] if platform.startswith("musllinux") else []
expected = {"pure": False, "sym_tag": platform, "external_libs": libc, "unsupported_isa": False}
actual = {key: list(report[key]) if key == "external_libs" else report[key] for key in expected}
if actual != expected:
    sys.exit(f"{wheel}: auditwheel reports {actual}: expected {expected}")
